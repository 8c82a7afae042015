// The jobs that wait or run: what was asked for, and how far it is.

import { ask } from "../api.js";
import { date, percent } from "../format.js";
import { useLook } from "../hooks.js";
import { locale, t } from "../language.js";
import { link } from "../navigation.js";
import { html, useState } from "../vendor/preact.js";

const SHOWN = 50;
const LOOK_MS = 2000;

export function Jobs() {
  const [jobs, set] = useState(/** @type {import("../types.js").Job[]} */ ([]));
  useLook(async () => {
    const running = await ask(`v1/jobs?state=running&limit=${SHOWN}`);
    const waiting = await ask(`v1/jobs?state=waiting&limit=${SHOWN}`);
    set([...running.jobs, ...waiting.jobs]);
  }, LOOK_MS);
  if (!jobs.length) return null;
  return html`
    <h2>${t("jobs")}</h2>
    <div class="table" tabindex="0" role="region" aria-label=${t("jobs")}>
      <table class="stacked">
        <thead><tr>
          <th scope="col">${t("jobKind")}</th><th scope="col">${t("jobOf")}</th>
          <th scope="col">${t("videoState")}</th><th scope="col">${t("jobAsked")}</th>
        </tr></thead>
        <tbody>${jobs.map((job) => html`<${Row} key=${job.id} job=${job} />`)}</tbody>
      </table>
    </div>
  `;
}

/**
 * What a job does now, by the name of its words: only an ingest is called indexing.
 * @param {import("../types.js").Job["kind"]} kind
 * @param {import("../types.js").Job["state"]} state
 */
function phaseOf(kind, state) {
  if (state === "waiting") return kind === "ingest" ? "queued" : "asked";
  return state === "running" && kind !== "ingest" ? "working" : state;
}

/** @param {{job: import("../types.js").Job}} props */
function Row({ job }) {
  const { kind, collection, state, reason, progress, created_at: asked } = job;
  const video = job.video ?? job.videos[0];
  const name = job.title ?? job.name ?? job.model ?? video ?? collection;
  const phase = phaseOf(kind, state);
  return html`
    <tr>
      <td data-name=${t("jobKind")}>${job.step ? t(`step_${job.step}`) : t(`job_${kind}`)}</td>
      <th scope="row" dir="auto">${video ? html`<a ...${link({ page: "video", collection, video })}>${name}</a>` : name}</th>
      <td data-name=${t("videoState")}>${t(`phase_${phase}`)}${state === "running" && ` · ${percent(progress.share, locale())}`}
        ${reason && html`<span class="reason">${reason}</span>`}</td>
      <td data-name=${t("jobAsked")}>${date(asked, locale())}</td>
    </tr>
  `;
}
