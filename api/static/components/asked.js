// What is asked for in place of words, a moment or a picture, until it is taken away.

import { between, shorten } from "../format.js";
import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { go } from "../navigation.js";
import { search } from "../searching.js";
import { html, useEffect, useRef } from "../vendor/preact.js";
import { Picture } from "./card.js";
import { Icon } from "./icons.js";

const LONGEST = 40; // characters of a title

/** @param {{picture: import("../picture.js").Picture}} props */
export function AskedPicture({ picture }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const frame = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    frame.current?.replaceChildren(picture.preview);
    box.current?.focus();
  }, [picture]);
  return html`
    <div id="asked" class="asked" ref=${box} tabindex="-1" role="group" aria-label=${t("alikePicture")}>
      <span class="picture" ref=${frame} aria-hidden="true"></span>
      <span><strong>${t("alikePicture")}</strong> ${t("alikeMeans")} ${t("pictureUnshared")}</span>
      <button class="plain" type="button" onClick=${away}><${Icon} name="close" /> ${t("notAlike")}</button>
    </div>
  `;
}

function away() {
  go({ like: null, picture: null, open: null });
  document.getElementById("query")?.focus();
}

/** @param {{like: import("../routes.js").Like}} props */
export function Asked({ like }) {
  const { answer } = useValue(search);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  // The link that led here is gone, so a reader of the screen would be at the start of the page.
  useEffect(() => box.current?.focus(), [like.video, like.time]);
  const known = answer?.like?.video.id === like.video ? answer.like : null;
  return html`
    <div id="asked" class="asked" ref=${box} tabindex="-1" role="group" aria-label=${t("alike")}>
      ${known && html`<span class="picture"><${Picture} url=${known.thumbnail_url} /></span>`}
      <span>${t("asksAlike")}
        ${known && html` <strong dir="auto">${shorten(known.video.title, LONGEST)}</strong> ${between(known.start, known.end)}.`}
        ${t("alikeMeans")}
      </span>
      <button class="plain" type="button" onClick=${away}><${Icon} name="close" /> ${t("notAlike")}</button>
    </div>
  `;
}
