// What can be taken along: a link to the moment, its time, the video.

import { moment } from "../format.js";
import { t } from "../language.js";
import { go, link } from "../navigation.js";
import { toLike } from "../routes.js";
import { LONGEST_S, saveSpan } from "../saving.js";
import { html, useState } from "../vendor/preact.js";
import { Icon } from "./icons.js";
import { Choose } from "./selection.js";

const SAID_MS = 1600;

/**
 * @param {object} props
 * @param {import("./player.js").Opened} props.opened
 * @param {() => number} props.now
 * @param {boolean} [props.where] whether it is shown where in the picture the moment matches
 * @param {(() => void) | null} [props.setWhere] null if that cannot be shown
 */
export function Take({ opened, now, where = false, setWhere = null }) {
  const all = link({ page: "video", video: opened.id, open: null });
  const alike = () => go(toLike(opened.id, Math.min(now(), opened.duration)));
  return html`
    <div class="player-take">
      ${setWhere && html`
        <button id="where" type="button" aria-pressed=${String(where)} onClick=${setWhere}>
          <${Icon} name="where" />${t("where")}</button>`}
      <button id="alike" type="button" title=${t("alikeMeans")} onClick=${alike}><${Icon} name="alike" />${t("alike")}</button>
      <${Copy} id="copy-link" icon="link" text=${() => location.href}>${t("copyLink")}<//>
      <${Copy} id="copy-time" icon="clock" text=${() => moment(now())}
        done=${(/** @type {string} */ time) => t("copiedTime", { time })}>${t("copyTime")}<//>
      <${Choose} opened=${opened} />
      <${Cut} opened=${opened} />
      ${!opened.site && html`<a id="download" class="button" href=${opened.file} download=${opened.title}><${Icon} name="download" />${t("download")}</a>`}
      <a class="button" ...${all}><${Icon} name="grid" />${t("openVideo")}</a>
    </div>
  `;
}

/**
 * @param {object} props
 * @param {string} props.id
 * @param {any} props.icon
 * @param {() => string} props.text what is copied, when the button is pressed
 * @param {(copied: string) => string} [props.done] what is said then
 * @param {any} [props.children]
 */
function Copy({ id, icon, text, done = () => t("copied"), children }) {
  const [said, say] = useState("");
  const [refused, refuse] = useState("");
  const copy = async () => {
    const wanted = text();
    try {
      await navigator.clipboard.writeText(wanted);
      say(done(wanted));
      setTimeout(() => say(""), SAID_MS);
    } catch {
      refuse(wanted); // without a secure connection browsers offer no clipboard
    }
  };
  return html`
    <button id=${id} type="button" onClick=${copy}><${Icon} name=${icon} />${said || children}</button>
    <span class="hidden" role="status">${said}</span>
    ${refused && html`<label class="refused">${t("notCopied")}
      <input readonly value=${refused} onFocus=${(/** @type {any} */ event) => event.target.select()} /></label>`}
  `;
}

/** @param {{opened: import("./player.js").Opened}} props */
function Cut({ opened }) {
  const [state, set] = useState({ busy: false, reason: "" });
  if (opened.end - opened.start > LONGEST_S) return null;
  const cut = async () => {
    if (state.busy) return;
    set({ busy: true, reason: "" });
    set({ busy: false, reason: await saveSpan(opened) });
  };
  return html`
    <button id="cut" type="button" aria-disabled=${state.busy ? "true" : undefined} onClick=${cut}>
      <${Icon} name="cut" />${state.busy ? t("cutting") : t("downloadMoment")}</button>
    ${state.reason && html`<p class="reason" role="alert">${state.reason}</p>`}
  `;
}
