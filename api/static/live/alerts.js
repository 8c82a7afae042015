// Alerts: those there were, and those that come while somebody looks.

import { ask, parameters, said } from "../api.js";
import { between, clock, percent } from "../format.js";
import { locale, t } from "../language.js";
import { link } from "../navigation.js";
import { Picture } from "../components/card.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { momentOf, withAlerts } from "./words.js";

/** @typedef {import("../types.js").Alert} Alert */

const PAGE = 24;
const MOST = 240;

export function Alerts() {
  const [{ alerts, next }, set] = useState({ alerts: /** @type {Alert[]} */ ([]), next: /** @type {string | null} */ (null) });
  const [fresh, mark] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  const [news, tell] = useState("");
  const [reason, refuse] = useState("");
  const [known, know] = useState(false);
  /** @param {string} after */
  const load = async (after) => {
    try {
      const page = await ask(`v1/alerts${parameters({ limit: PAGE, after })}`);
      set((last) => ({ alerts: withAlerts(page.alerts, last.alerts.filter(() => Boolean(after)), MOST), next: page.next }));
      refuse("");
    } catch (error) {
      refuse(said(error));
    }
    know(true);
  };
  useEffect(() => {
    load("");
    const source = new EventSource("v1/alerts/stream");
    source.addEventListener("alert", (/** @type {MessageEvent} */ event) => {
      /** @type {Alert} */
      const alert = JSON.parse(event.data);
      set((last) => ({ ...last, alerts: withAlerts(last.alerts, [alert], MOST) }));
      mark((last) => new Set([...last, alert.id]));
      tell(t("alertCame", { watch: alert.watch_name, camera: alert.camera ?? "" }));
    });
    return () => source.close();
  }, []);
  return html`
    <section class="alerts" aria-labelledby="alerts-head">
      <h2 id="alerts-head">${t("alerts")}</h2>
      <p class="hidden" role="status">${news}</p>
      ${reason && html`<p class="reason" role="alert">${reason}</p>`}
      ${known && !reason && !alerts.length && html`<p class="quiet">${t("noAlerts")}</p>`}
      <ol class="cards small">
        ${alerts.map((alert) => html`<${One} key=${alert.id} alert=${alert} fresh=${fresh.has(alert.id)} />`)}
      </ol>
      ${next && alerts.length < MOST && html`
        <p class="more"><button type="button" onClick=${() => load(next)}>${t("olderAlerts")}</button></p>`}
    </section>
  `;
}

/** @param {{alert: Alert, fresh: boolean}} props */
function One({ alert, fresh }) {
  const at = alert.start_at ?? alert.created_at;
  return html`
    <li>
      <a class="card ${fresh ? "fresh" : ""}" ...${link(momentOf(alert))}>
        <span class="picture"><${Picture} url=${alert.thumbnail_url} />
          <span class="span">${alert.start_at ? clock(at, locale()) : between(alert.start, alert.end)}</span>
          ${fresh && html`<span class="badge">${t("isNew")}</span>`}</span>
        <span class="caption">
          <span class="title" dir="auto">${alert.watch_name}</span>
          <span class="quiet">${[alert.camera, percent(alert.relevance, locale())].filter(Boolean).join(" · ")}</span>
          ${alert.delivery === "failed" && html`<span class="reason">${t("notDelivered")}</span>`}
        </span>
      </a>
    </li>
  `;
}
