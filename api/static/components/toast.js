// What happens meanwhile, at the bottom of the page: a video that will be removed, a change that failed.

import { refusal, removing, undo, UNDO_S } from "../changing.js";
import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { html } from "../vendor/preact.js";

export function Toast() {
  const video = useValue(removing);
  const reason = useValue(refusal);
  return html`
    <div class="toasts" role="status">
      ${video && html`
        <div class="toast"><span dir="auto">${t("removing", { title: video.title, count: UNDO_S })}</span>
          <button id="undo" type="button" onClick=${undo}>${t("undo")}</button></div>
      `}
      ${reason && html`
        <div class="toast"><span>${reason}</span>
          <button type="button" onClick=${() => { refusal.value = ""; }}>${t("close")}</button></div>
      `}
    </div>
  `;
}
