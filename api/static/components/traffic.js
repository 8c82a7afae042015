// Requests a second and the latency of searches, live: for those who may administer the server.

import { ask } from "../api.js";
import { numbers } from "../format.js";
import { useLook } from "../hooks.js";
import { locale, t } from "../language.js";
import { followed, line, summary, topOf } from "../traffic.js";
import { html, useState } from "../vendor/preact.js";

const LOOK_MS = 5000;
const STEPS = 60;
const WIDTH = 600;
const HEIGHT = 100;

export function Traffic() {
  const [traffic, set] = useState(/** @type {import("../types.js").Traffic | null} */ (null));
  useLook(async () => {
    const told = await ask("v1/traffic");
    set((known) => followed(known, told));
  }, LOOK_MS);
  if (!traffic) return null;
  const { steps, step_seconds: step } = traffic;
  const { now, most, failures, p50, p95 } = summary(traffic);
  const number = numbers(locale(), { maximumFractionDigits: 1 });
  const rates = steps.map(({ requests }) => requests / step);
  const halves = steps.map((each) => each.p50_seconds);
  const most95 = steps.map((each) => each.p95_seconds);
  const requests = t("trafficRequestsNow", { now: number.format(now), most: number.format(most) });
  const failed = failures ? ` ${t("trafficFailures", { count: failures })}` : "";
  const latency = p50 === null || p95 === null
    ? t("trafficNoSearches")
    : t("trafficLatencyNow", { p50: milliseconds(p50), p95: milliseconds(p95) });
  const topRate = topOf(rates, 1);
  const topLatency = topOf(most95, 0.001);
  return html`
    <h2>${t("traffic")}</h2>
    <div id="traffic" class="charts">
      <${Chart} name=${t("trafficRequests")} said=${requests + failed} top=${number.format(topRate)}
        lines=${[["rate", line(rates, topRate, STEPS, WIDTH, HEIGHT)]]} />
      <${Chart} name=${t("trafficLatency")} said=${latency} top=${milliseconds(topLatency)}
        lines=${[
          ["p95", line(most95, topLatency, STEPS, WIDTH, HEIGHT)],
          ["p50", line(halves, topLatency, STEPS, WIDTH, HEIGHT)],
        ]} />
    </div>
  `;
}

/**
 * The sentence below says what the picture shows.
 * @param {{name: string, said: string, top: string, lines: [kind: string, path: string][]}} props
 */
const Chart = ({ name, said, top, lines }) => html`
  <figure class="chart">
    <figcaption><strong>${name}</strong> <span class="said">${said}</span></figcaption>
    <div class="plot" aria-hidden="true">
      <span>${top}</span><span>0</span>
      <svg viewBox="0 -4 ${WIDTH} ${HEIGHT + 8}" preserveAspectRatio="none">
        <path class="grid" d="M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}" />
        ${lines.map(([kind, path]) => html`<path key=${kind} class=${`curve ${kind}`} d=${path} />`)}
      </svg>
    </div>
    <div class="times" aria-hidden="true"><span>${t("trafficAgo")}</span><span>${t("trafficNow")}</span></div>
  </figure>
`;

/** @param {number} seconds */
const milliseconds = (seconds) => numbers(locale(), {
  style: "unit", unit: seconds < 1 ? "millisecond" : "second", unitDisplay: "short", maximumSignificantDigits: 2,
}).format(seconds < 1 ? seconds * 1000 : seconds);
