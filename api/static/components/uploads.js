// Adding videos: a button and a place to drop files, and how far each one is.

import { bytes, percent, shorten } from "../format.js";
import { useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { here } from "../library.js";
import { go, link } from "../navigation.js";
import { pictureIn, searchWith } from "../picture.js";
import { add, drop, items, pause, resume } from "../uploading.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Icon } from "./icons.js";

const LONGEST = 60;

/** @param {DataTransfer | null} data */
const hasFiles = (data) => [...(data?.types ?? [])].includes("Files");

/** A button that asks for files. */
export function AddButton() {
  /** @type {{current: HTMLInputElement | null}} */
  const chooser = useRef(null);
  /** @param {any} event */
  const chosen = (event) => {
    add(event.target.files, here.peek());
    go({ page: "library", video: "", query: "", open: null });
    event.target.value = ""; // so that the same file can be chosen again
  };
  return html`
    <button id="add" class="primary" type="button" onClick=${() => chooser.current?.click()}>
      <${Icon} name="plus" />${t("addVideos")}</button>
    <input ref=${chooser} type="file" accept="video/*,.mkv,.avi,.mts,.m2ts" multiple hidden
      aria-label=${t("addVideos")} onChange=${chosen} />
  `;
}

/** Videos that are dropped anywhere on the page are added, and a picture is searched for. */
export function DropZone() {
  const [over, set] = useState(false);
  useEffect(() => {
    const enter = (/** @type {DragEvent} */ event) => {
      if (!hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      set(true);
    };
    const leave = (/** @type {DragEvent} */ event) => event.relatedTarget === null && set(false);
    const dropped = (/** @type {DragEvent} */ event) => {
      if (!hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      set(false);
      const picture = pictureIn(event.dataTransfer?.files ?? []);
      if (picture) {
        searchWith(picture);
        return;
      }
      go({ page: "library", video: "", open: null });
      add(event.dataTransfer?.files ?? [], here.peek());
    };
    addEventListener("dragover", enter);
    addEventListener("dragleave", leave);
    addEventListener("drop", dropped);
    return () => {
      removeEventListener("dragover", enter);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", dropped);
    };
  }, []);
  return over && html`<div class="dropzone"><p><${Icon} name="plus" />${t("dropHere")}</p></div>`;
}

/** The list of what is on its way. */
export function Uploads() {
  const all = useValue(items);
  if (!all.length) return null;
  return html`
    <section class="uploads" aria-label=${t("uploads")}>
      <ul>${all.map((item) => html`<li key=${item.key}><${Row} item=${item} /></li>`)}</ul>
    </section>
  `;
}

/**
 * How far an item is, 0 to 1. Pure.
 * @param {import("../uploading.js").Item} item
 */
export function shareOf({ phase, sent, share, file }) {
  if (phase === "done") return 1;
  if (phase === "running") return share;
  return phase === "queued" ? 0 : sent / Math.max(1, file.size);
}

/** @param {{item: import("../uploading.js").Item}} props */
function Row({ item }) {
  const { key, file, collection, phase, reason, sent, video } = item;
  const share = shareOf(item);
  const name = shorten(file.name, LONGEST);
  const size = t("sentOf", { sent: bytes(sent, locale()), size: bytes(file.size, locale()) });
  const isSending = phase === "sending" || phase === "paused";
  return html`
    <div class="upload ${phase}">
      <div class="upload-name">
        <strong dir="auto" title=${file.name}>
          ${video ? html`<a ...${link({ page: "video", collection, video })}>${name}</a>` : name}</strong>
        <span class="quiet">${t(`phase_${phase}`)}${isSending && ` · ${size}`}
          ${phase === "running" && ` · ${percent(share, locale())}`}</span>
      </div>
      ${phase !== "failed" && html`<progress value=${share} max="1" aria-label=${file.name}></progress>`}
      ${reason && html`<p class="reason" role="alert">${reason}</p>`}
      <div class="upload-buttons">
        ${phase === "sending" && html`<button class="plain" type="button" onClick=${() => pause(key)}>${t("pause")}</button>`}
        ${phase === "paused" && html`<button class="plain" type="button" onClick=${() => resume(key)}>${t("resume")}</button>`}
        ${phase === "failed" && !item.job && html`
          <button class="plain" type="button" onClick=${() => resume(key)}>${t("tryAgain")}</button>`}
        <button class="plain" type="button" aria-label="${t("dismiss")}: ${file.name}" title=${t("dismiss")}
          onClick=${() => drop(key)}><${Icon} name="close" /></button>
      </div>
    </div>
  `;
}
