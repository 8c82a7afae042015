// The watches: what is watched for, and whether it is on.

import { ask, said } from "../api.js";
import { percent } from "../format.js";
import { useLook } from "../hooks.js";
import { locale, t } from "../language.js";
import { link } from "../navigation.js";
import { Dialog } from "../components/dialog.js";
import { Icon } from "../components/icons.js";
import { html, useState } from "../vendor/preact.js";
import { WatchForm } from "./watchform.js";
import { queryOf, routeOf } from "./words.js";

/** @typedef {import("../types.js").Watch} Watch */

const LOOK_MS = 15_000;

export function Watches() {
  const [watches, set] = useState(/** @type {Watch[] | null} */ (null));
  const [reason, refuse] = useState("");
  const look = async () => set((await ask("v1/watches")).watches);
  useLook(look, LOOK_MS);
  /** @param {() => Promise<unknown>} change */
  const attempt = async (change) => {
    refuse("");
    try {
      await change();
      await look();
    } catch (error) {
      refuse(said(error));
    }
  };
  return html`
    <section aria-labelledby="watches-head">
      <h2 id="watches-head">${t("watches")}</h2>
      ${reason && html`<p class="reason" role="alert">${reason}</p>`}
      ${watches && !watches.length && html`<p class="quiet">${t("noWatches")}</p>`}
      <ul class="watches">
        ${watches?.map((watch) => html`<${One} key=${watch.id} watch=${watch} attempt=${attempt} look=${look} />`)}
      </ul>
    </section>
  `;
}

/** @param {{watch: Watch, attempt: (change: () => Promise<unknown>) => void, look: () => Promise<void>}} props */
function One({ watch, attempt, look }) {
  const path = `v1/watches/${encodeURIComponent(watch.id)}`;
  const route = routeOf(watch);
  const [asked, askTo] = useState(false);
  const [edited, edit] = useState(false);
  /** @param {import("../types.js").WatchSettings} settings */
  const save = async (settings) => {
    await ask(path, { method: "PATCH", json: settings });
    edit(false);
    await look();
  };
  const where = watch.cameras?.join(", ") ?? t("everyVideo");
  const hours = watch.hours ? t("hoursFromTo", { from: watch.hours.start, to: watch.hours.end, zone: watch.hours.zone }) : "";
  return html`
    <li class="watch">
      <label class="check"><input type="checkbox" role="switch" checked=${watch.on}
        onChange=${() => attempt(() => ask(path, { method: "PATCH", json: { on: !watch.on } }))} />
        <strong dir="auto">${watch.name}</strong></label>
      <span class="quiet about" dir="auto">${[watch.described === watch.name ? "" : watch.described,
        t("firesFrom", { percent: percent(watch.threshold, locale()) }), where, hours].filter(Boolean).join(" · ")}</span>
      <span class="watch-buttons">
        ${route && html`<a class="plain" ...${link(route)}><${Icon} name="search" /><span>${t("search")}</span></a>`}
        <button class="plain" type="button" title=${t("edit")} aria-label=${`${t("edit")}: ${watch.name}`}
          onClick=${() => edit(true)}><${Icon} name="pen" /></button>
        ${asked
          ? html`<button class="primary" type="button" onClick=${() => attempt(() => ask(path, { method: "DELETE" }))}>${t("remove")}</button>
            <button type="button" onClick=${() => askTo(false)}>${t("cancel")}</button>`
          : html`<button class="plain" type="button" title=${t("remove")} aria-label=${`${t("remove")}: ${watch.name}`}
            onClick=${() => askTo(true)}><${Icon} name="bin" /></button>`}
      </span>
      ${edited && html`
        <${Dialog} name="watching" title=${t("editWatch")} detail=${watch.described} onClose=${() => edit(false)}>
          <${WatchForm} start=${watch} query=${queryOf(watch)} action="save" save=${save} close=${() => edit(false)} />
        <//>`}
    </li>
  `;
}
