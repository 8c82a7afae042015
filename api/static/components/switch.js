// The switch of one collection to another model: its state, its steps, and how both models answer.

import { ask, said } from "../api.js";
import { moment, numbers, percent } from "../format.js";
import { locale, t } from "../language.js";
import { look } from "../library.js";
import { isOver, readsVideos, shareOf, stepsOf } from "../switching.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Dialog } from "./dialog.js";

const SHOWN = 3;

/** @param {{collection: string, installed: string[]}} props */
export function Switch({ collection, installed }) {
  const path = `v1/collections/${encodeURIComponent(collection)}/switch`;
  const [found, set] = useState(/** @type {import("../types.js").ModelSwitch | null} */ (null));
  const [asked, choose] = useState(/** @type {import("../types.js").Step | ""} */ (""));
  const [wanted, want] = useState("");
  const [without, leaveOut] = useState(false);
  const [reason, say] = useState("");
  const read = async () => {
    try {
      set(await ask(path));
    } catch (error) {
      say(said(error));
    }
  };
  useEffect(() => { read(); }, [collection]);
  const job = found?.job ?? null;
  const following = job && !isOver(job) ? job.id : "";
  useEffect(() => {
    if (!following) return undefined;
    const source = new EventSource(`v1/jobs/${following}/events`);
    const told = (/** @type {MessageEvent} */ event) => {
      const now = JSON.parse(event.data);
      set((last) => last && { ...last, job: now });
    };
    source.addEventListener("progress", told);
    source.addEventListener("end", () => {
      source.close();
      read();
      look();
    });
    return () => source.close();
  }, [following]);
  if (!found) return reason && html`<p class="reason" role="alert">${reason}</p>`;
  const others = installed.filter((name) => name !== found.model);
  const target = found.other ?? (wanted || others[0] || "");
  const take = async () => {
    choose("");
    say("");
    try {
      const model = asked === "prepare" ? { model: target } : {};
      const missing = readsVideos(asked) ? { without_missing: without } : {};
      const added = await ask(path, { json: { step: asked, ...model, ...missing } });
      set({ ...found, job: added });
    } catch (error) {
      say(said(error));
    }
  };
  const cancel = async () => {
    try {
      await ask(`v1/jobs/${following}`, { method: "DELETE" });
    } catch (error) {
      say(said(error));
    }
  };
  const called = (/** @type {import("../types.js").Step} */ step) =>
    step === "finish" && found.state !== "switched" ? t("switchGiveUp") : t(`step_${step}`);
  const words = { collection, model: found.model, other: target };
  return html`
    <section class="switch" aria-labelledby="switch-${collection}">
      <h3 id="switch-${collection}">${t("switchHead", words)}</h3>
      <p role="status">${t(`switch_${found.state}`, words)}
        ${following && html` · ${t(`phase_${job?.state === "waiting" ? "asked" : "working"}`)} ${percent(shareOf(job), locale())}`}</p>
      ${following && html`<progress max="1" value=${shareOf(job)} aria-label=${t("switchProgress")}></progress>`}
      ${!following && job?.state === "failed" && html`<p class="reason">${job.reason}</p>`}
      ${reason && html`<p class="reason" role="alert">${reason}</p>`}
      ${found.agreement && html`<${Agreement} agreement=${found.agreement} models=${found} />`}
      <div class="switch-steps">
        ${!following && found.state === "none" && others.length > 0 && html`
          <label>${t("switchTo")} <select onChange=${(/** @type {any} */ event) => want(event.target.value)}>
            ${others.map((name) => html`<option key=${name} value=${name} selected=${name === target}>${name}</option>`)}
          </select></label>
        `}
        ${following
          ? html`<button type="button" onClick=${cancel}>${t("cancel")}</button>`
          : stepsOf(found.state, target).map((step) => html`
            <button key=${step} type="button" data-step=${step} onClick=${() => { leaveOut(false); choose(step); }}>${called(step)}</button>
          `)}
      </div>
    </section>
    ${asked && html`
      <${Dialog} name="confirm" title=${called(asked)} detail=${t(`confirm_${asked}`, words)} onClose=${() => choose("")}>
        ${readsVideos(asked) && html`
          <label class="check">
            <input id="without-missing" type="checkbox" checked=${without} onChange=${() => leaveOut(!without)} />
            ${t("withoutMissing")}</label>
        `}
        <div class="switch-steps">
          <button id="confirmed" class="primary" type="button" onClick=${take}>${called(asked)}</button>
          <button type="button" onClick=${() => choose("")}>${t("cancel")}</button>
        </div>
      <//>
    `}
  `;
}

/** @param {{agreement: import("../types.js").Agreement, models: import("../types.js").ModelSwitch}} props */
function Agreement({ agreement, models }) {
  const { overlap, queries, examples } = agreement;
  const share = numbers(locale(), { style: "percent", maximumFractionDigits: 1 });
  const [before, after] = models.state === "switched" ? [models.other ?? "", models.model] : [models.model, models.other ?? ""];
  return html`
    <p>${t(`agreement_${agreement.queries_from}`, { count: queries, share: overlap === null ? "–" : share.format(overlap) })}</p>
    <details>
      <summary>${t("agreementExamples")}</summary>
      <div class="table" tabindex="0" role="region" aria-label=${t("agreementExamples")}>
        <table class="stacked">
          <thead><tr>
            <th scope="col">${t("agreementQuery")}</th><th scope="col" class="number">${t("modelOverlap")}</th>
            <th scope="col">${before}</th><th scope="col">${after}</th>
          </tr></thead>
          <tbody>${examples.map((each) => html`
            <tr key=${each.query}>
              <th scope="row" dir="auto">${each.query}</th>
              <td class="number" data-name=${t("modelOverlap")}>${share.format(each.overlap)}</td>
              <td data-name=${before}><${Moments} moments=${each.before} /></td>
              <td data-name=${after}><${Moments} moments=${each.after} /></td>
            </tr>
          `)}</tbody>
        </table>
      </div>
    </details>
  `;
}

/** @param {{moments: import("../types.js").Compared[]}} props */
function Moments({ moments }) {
  if (!moments.length) return "–";
  return html`<ol>${moments.slice(0, SHOWN).map(({ video, title, start, relevance }) => html`
    <li key=${`${video} ${start}`} dir="auto">${title} ${moment(start)} · ${percent(relevance, locale())}</li>
  `)}</ol>`;
}
