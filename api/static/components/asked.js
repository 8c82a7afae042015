// A part of a search that is a moment or a picture: what it shows, and where it is from.

import { ask, parameters } from "../api.js";
import { between, moment, shorten } from "../format.js";
import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { here } from "../library.js";
import { search } from "../searching.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Picture } from "./card.js";

const LONGEST = 40; // characters of a title

/**
 * @typedef {{title: string, segments: import("../types.js").Segment[]}} Known of a video
 */

/** Videos that were asked about, by collection and id. @type {Map<string, Promise<Known>>} */
const known = new Map();
/** Their titles, as far as they came. @type {Map<string, string>} */
const titles = new Map();

/**
 * What a part is called where its picture cannot be seen, or "" while that is not known.
 * @param {import("../composed.js").Part} part
 */
export function nameOf(part) {
  const title = "like" in part ? titles.get(part.like.video) : undefined;
  return title && "like" in part ? `${title}, ${moment(part.like.time)}` : "";
}

/** @param {{part: import("../composed.js").Moment | import("../composed.js").Picture}} props */
export const Alike = ({ part }) => ("like" in part
  ? html`<${Moment} like=${part.like} />`
  : html`<${Drawn} picture=${part.picture} />`);

/** @param {{picture: import("../picture.js").Picture}} props */
function Drawn({ picture }) {
  const frame = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => frame.current?.replaceChildren(picture.preview), [picture]);
  return html`<span class="picture" ref=${frame} aria-hidden="true"></span><span dir="auto">${t("yourPicture")}</span>`;
}

/** @param {{like: {video: string, time: number}}} props */
function Moment({ like }) {
  const collection = useValue(here);
  const [found, find] = useState(/** @type {Known | null} */ (null));
  const isAnswered = Boolean(useValue(search).answer); // there is no video of this id, perhaps
  useEffect(() => {
    if (!collection || !isAnswered) return undefined;
    let mine = true;
    videoOf(like.video, collection)
      .then((video) => mine && find(video))
      .catch(() => {}); // the answer of the search says what is wrong
    return () => { mine = false; };
  }, [like.video, collection, isAnswered]);
  const shown = found?.segments.findLast(({ start }) => start <= like.time) ?? found?.segments[0];
  return html`
    <span class="picture">${shown && html`<${Picture} url=${shown.thumbnail_url} />`}</span>
    <span dir="auto"><strong>${shorten(found?.title ?? like.video, LONGEST)}</strong>${" "}
      ${shown ? between(shown.start, shown.end) : moment(like.time)}</span>
  `;
}

/**
 * @param {string} id
 * @param {string} collection
 * @returns {Promise<Known>}
 */
function videoOf(id, collection) {
  const key = `${collection} ${id}`;
  const before = known.get(key);
  if (before) return before;
  const path = `v1/videos/${encodeURIComponent(id)}`;
  const which = parameters({ collection });
  const asked = Promise.all([ask(path + which), ask(`${path}/segments${which}`)]).then(([{ title }, { segments }]) => {
    titles.set(id, title);
    return { title, segments };
  });
  known.set(key, asked);
  asked.catch(() => known.delete(key));
  return asked;
}
