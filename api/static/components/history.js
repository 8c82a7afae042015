// What ingests and jobs have done, those of commands too: the newest first, with their figures.

import { ask, said } from "../api.js";
import { date, numbers, roughly } from "../format.js";
import { fatesOf, joined, rateOf } from "../history.js";
import { useLook } from "../hooks.js";
import { locale, t } from "../language.js";
import { html, useRef, useState } from "../vendor/preact.js";

const SHOWN = 20;
const LOOK_MS = 2000;

export function History() {
  const [works, set] = useState(/** @type {import("../types.js").Work[]} */ ([]));
  const [more, leads] = useState(false);
  const [reason, say] = useState("");
  const known = useRef(works);
  known.current = works;
  /** @param {number} [after] */
  const page = async (after) => {
    const found = await ask(`v1/history?limit=${SHOWN}${after ? `&after=${after}` : ""}`);
    const all = after ? [...known.current, ...found.history] : joined(known.current, found.history);
    // The last one known says whether there are more, unless it was just read.
    if (all.at(-1)?.id === found.history.at(-1)?.id) leads(found.next !== null);
    set(all);
  };
  useLook(page, LOOK_MS);
  if (!works.length) return null;
  const older = () => page(works.at(-1)?.id).then(() => say(""), (error) => say(said(error)));
  return html`
    <h2>${t("history")}</h2>
    <div class="table" tabindex="0" role="region" aria-label=${t("history")}>
      <table id="history" class="stacked">
        <thead><tr>
          <th scope="col">${t("workWhat")}</th><th scope="col">${t("workEnded")}</th>
          <th scope="col">${t("videoState")}</th><th scope="col">${t("statusVideos")}</th>
          <th scope="col" class="number">${t("workLength")}</th>
          <th scope="col" class="number">${t("workFrames")}</th>
        </tr></thead>
        <tbody>${works.map((work) => html`<${Row} key=${work.id} work=${work} />`)}</tbody>
      </table>
    </div>
    ${reason && html`<p class="reason" role="alert">${reason}</p>`}
    ${more && html`<p><button id="older" type="button" onClick=${older}>${t("older")}</button></p>`}
  `;
}

/** @param {{work: import("../types.js").Work}} props */
function Row({ work }) {
  const { kind, command, collection, name, state, reason, frames } = work;
  const number = numbers(locale(), { maximumFractionDigits: 1 });
  const fates = fatesOf(work).map(({ key, count }) => t(key, { count }));
  const rate = rateOf(work);
  return html`
    <tr>
      <th scope="row">${command === "work" ? t(`job_${kind}`) : `indexer ${command}`}
        <span class="about" dir="auto">${name ?? collection}</span></th>
      <td data-name=${t("workEnded")}>${date(work.ended_at, locale())}
        <span class="about">${t("workTook", { time: tookOf(work) })}</span></td>
      <td data-name=${t("videoState")}>${t(`phase_${state}`)}${reason && html`<span class="reason" dir="auto">${reason}</span>`}</td>
      <td class=${fates.length ? "" : "none"} data-name=${t("statusVideos")}>${fates.join(", ") || "–"}</td>
      <td class=${work.video_seconds ? "number" : "number none"} data-name=${t("workLength")}>${work.video_seconds ? roughly(work.video_seconds, locale()) : "–"}</td>
      <td class=${frames ? "number" : "number none"} data-name=${t("workFrames")}>${frames ? number.format(frames) : "–"}
        ${rate && html`<span class="about">${t("workRate", { frames: number.format(rate.frames), video: number.format(rate.video) })}</span>`}</td>
    </tr>
  `;
}

/** @param {import("../types.js").Work} work */
const tookOf = ({ seconds }) => (seconds < 1 ? `< ${roughly(1, locale())}` : roughly(seconds, locale()));
