// A camera that is added: its address, whether it answers, where it is indexed, and how it is kept.

import { ask, said } from "../api.js";
import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { libraries } from "../library.js";
import { Dialog } from "../components/dialog.js";
import { Icon } from "../components/icons.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { toldOf } from "./words.js";

/** @typedef {import("../types.js").CameraTest} CameraTest */

const DAY_S = 86_400;
const LONGEST_URL = 2048;
export const NAME = "[a-z0-9][a-z0-9_\\-]{0,63}";

/** @param {{changed: () => void}} props */
export function AddCamera({ changed }) {
  const [shown, show] = useState(false);
  return html`
    <button id="add-camera" class="primary" type="button" onClick=${() => show(true)}><${Icon} name="plus" />${t("addCamera")}</button>
    ${shown && html`<${Form} close=${() => show(false)} changed=${changed} />`}
  `;
}

/** @param {FormData} form @param {string} name */
const text = (form, name) => String(form.get(name) ?? "").trim();

/**
 * What a form says of how a camera is called and kept, as the server takes it.
 * @param {FormData} form
 */
export function keptOf(form) {
  return {
    name: text(form, "name"),
    records: form.has("records"),
    ...(text(form, "collection") ? { collection: text(form, "collection") } : {}),
    ...(text(form, "fps") ? { fps: Number(text(form, "fps")) } : {}),
    ...(text(form, "days") ? { retain_s: Number(text(form, "days")) * DAY_S } : {}),
  };
}

/** The collection that a camera is indexed in; one that is not there yet is made. */
export function Into() {
  const known = useValue(libraries);
  return html`
    <label>${t("cameraCollection")}<input name="collection" maxlength="64" autocomplete="off" list="camera-collections"
        placeholder=${known?.default ?? ""} />
      <datalist id="camera-collections">${known?.collections.map(({ name }) => html`<option key=${name} value=${name}></option>`)}</datalist></label>
  `;
}

/** Whether a camera is recorded, how long that is kept, and how often it is looked at. */
export function Kept() {
  return html`
    <label class="check"><input name="records" type="checkbox" defaultChecked />${t("cameraRecords")}</label>
    <div class="pair">
      <label>${t("cameraDays")}<input name="days" type="number" min="1" max="36500" step="1" placeholder=${t("forEver")} /></label>
      <label>${t("cameraFps")}<input name="fps" type="number" min="0.1" max="30" step="any" placeholder="1" /></label>
    </div>
  `;
}

/** @param {{close: () => void, changed: () => void}} props */
function Form({ close, changed }) {
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const [reason, refuse] = useState("");
  const [state, enter] = useState(/** @type {"" | "saving" | "testing"} */ (""));
  const [found, find] = useState(/** @type {CameraTest | null} */ (null));
  /** @param {"saving" | "testing"} how @param {() => Promise<void>} act */
  const attempt = async (how, act) => {
    if (state) return;
    refuse("");
    find(null);
    enter(how);
    try {
      await act();
    } catch (error) {
      refuse(said(error));
    }
    enter("");
  };
  /** @param {any} event */
  const add = (event) => {
    event.preventDefault();
    const given = new FormData(event.target);
    attempt("saving", async () => {
      await ask("v1/cameras", { json: { ...keptOf(given), url: text(given, "url") } });
      changed();
      close();
    });
  };
  const test = () => {
    if (!form.current?.url.reportValidity()) return;
    const url = form.current.url.value.trim();
    attempt("testing", async () => find(await ask("v1/cameras/test", { json: { url } })));
  };
  return html`
    <${Dialog} name="new-camera" title=${t("addCamera")} onClose=${close}>
      <form ref=${form} class="live-form" onSubmit=${add}>
        <label>${t("cameraUrl")}<input name="url" required maxlength=${LONGEST_URL} autocomplete="off" spellcheck="false"
          placeholder="rtsp://user:password@192.168.1.20/stream" />
          <span class="quiet">${t("cameraUrlHint")}</span></label>
        <div class="tested">
          <button id="test-url" type="button" aria-disabled=${state ? "true" : undefined} onClick=${test}>${t(state === "testing" ? "testing" : "testCamera")}</button>
          <div role="status">${found && html`<p>${toldOf(found)}</p>${found.picture && html`<${Seen} picture=${found.picture} />`}`}</div>
        </div>
        <div class="pair top">
          <label>${t("cameraName")}<input name="name" required pattern=${NAME} maxlength="64" autocomplete="off" placeholder="front-door" />
            <span class="quiet">${t("cameraNameHint")}</span></label>
          <${Into} />
        </div>
        <${Kept} />
        ${reason && html`<p class="reason" role="alert">${reason}</p>`}
        <div class="player-take">
          <button class="primary" type="submit" aria-disabled=${state ? "true" : undefined}>${t(state === "saving" ? "saving" : "addCamera")}</button>
          <button type="button" onClick=${close}>${t("cancel")}</button>
        </div>
      </form>
    <//>
  `;
}

/**
 * The first frame of a camera, drawn: pictures of other addresses than the server's are not shown here.
 * @param {{picture: string}} props
 */
function Seen({ picture }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  useEffect(() => {
    const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
    createImageBitmap(new Blob([bytes], { type: "image/jpeg" })).then((image) => {
      const { current } = canvas;
      if (!current) return;
      [current.width, current.height] = [image.width, image.height];
      current.getContext("2d")?.drawImage(image, 0, 0);
    }).catch(() => {}); // a picture that cannot be shown; what was said of it stays
  }, [picture]);
  return html`<canvas ref=${canvas} class="preview" role="img" aria-label=${t("testPicture")}></canvas>`;
}
