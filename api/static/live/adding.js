// A camera that is added: its address, whether it answers, and how it is kept.

import { ask, said } from "../api.js";
import { t } from "../language.js";
import { Dialog } from "../components/dialog.js";
import { Icon } from "../components/icons.js";
import { html, useState } from "../vendor/preact.js";

const DAY_S = 86_400;
const LONGEST_URL = 2048;
const NAME = "[a-z0-9][a-z0-9_\\-]{0,63}";

/** @param {{changed: () => void}} props */
export function AddCamera({ changed }) {
  const [shown, show] = useState(false);
  return html`
    <button id="add-camera" class="primary" type="button" onClick=${() => show(true)}><${Icon} name="plus" />${t("addCamera")}</button>
    ${shown && html`<${Form} close=${() => show(false)} changed=${changed} />`}
  `;
}

/**
 * What the form says, as the server takes it.
 * @param {FormData} form
 */
function bodyOf(form) {
  const text = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  return {
    name: text("name"),
    url: text("url"),
    records: form.has("records"),
    ...(text("fps") ? { fps: Number(text("fps")) } : {}),
    ...(text("days") ? { retain_s: Number(text("days")) * DAY_S } : {}),
  };
}

/** @param {{close: () => void, changed: () => void}} props */
function Form({ close, changed }) {
  const [reason, refuse] = useState("");
  const [waits, wait] = useState(false);
  /** @param {any} event */
  const add = async (event) => {
    event.preventDefault();
    if (waits) return;
    refuse("");
    wait(true);
    try {
      await ask("v1/cameras", { json: bodyOf(new FormData(event.target)) });
      changed();
      close();
    } catch (error) {
      refuse(said(error));
    }
    wait(false);
  };
  return html`
    <${Dialog} name="new-camera" title=${t("addCamera")} onClose=${close}>
      <form class="live-form" onSubmit=${add}>
        <label>${t("cameraName")}<input name="name" required pattern=${NAME} maxlength="64" autocomplete="off" placeholder="front-door" />
          <span class="quiet">${t("cameraNameHint")}</span></label>
        <label>${t("cameraUrl")}<input name="url" required maxlength=${LONGEST_URL} autocomplete="off" spellcheck="false"
          placeholder="rtsp://user:password@192.168.1.20/stream" />
          <span class="quiet">${t("cameraUrlHint")}</span></label>
        <label class="check"><input name="records" type="checkbox" checked />${t("cameraRecords")}</label>
        <div class="pair">
          <label>${t("cameraDays")}<input name="days" type="number" min="1" max="36500" step="1" placeholder=${t("forEver")} /></label>
          <label>${t("cameraFps")}<input name="fps" type="number" min="0.1" max="30" step="any" placeholder="1" /></label>
        </div>
        ${reason && html`<p class="reason" role="alert">${reason}</p>`}
        <div class="player-take">
          <button class="primary" type="submit" aria-disabled=${waits ? "true" : undefined}>${t(waits ? "saving" : "addCamera")}</button>
          <button type="button" onClick=${close}>${t("cancel")}</button>
        </div>
      </form>
    <//>
  `;
}
