// How good rules are on what was reviewed, how annotators agree, and what to do next.

import { ask, problemIn, said } from "../api.js";
import { numbers } from "../format.js";
import { locale, t } from "../language.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { coded } from "./coded.js";
import { next } from "./next.js";

/** @typedef {import("./types.js").Rule} Rule */

const share = (/** @type {number} */ value) => numbers(locale(), { style: "percent" }).format(Math.round(value * 100) / 100);

/**
 * @param {{rules: Rule[], chosen: string, within: Record<string, string>, queue: object | null,
 *   review: (rule: string) => void, disputes: () => void}} props
 *   queue: what is asked again after each decision, so that what is known of annotators is, too
 */
export function Qualities({ rules, chosen, within, queue, review, disputes }) {
  const [isOpen, open] = useState(false);
  const shown = chosen ? rules.filter((rule) => rule.name === chosen) : rules;
  return html`
    <details class="quality" onToggle=${(/** @type {any} */ event) => open(event.currentTarget.open)}>
      <summary>${t("quality")}</summary>
      ${isOpen && html`
        ${shown.length === 0 && html`<p class="quiet">${t("qualityNone")} <code>indexer tags apply rules.yaml</code></p>`}
        ${shown.length > 0 && html`<p class="quiet">${t("qualityAbout")} <code>indexer sample --budget 300 --rule NAME --list random</code></p>`}
        <ul class="rules">${shown.map((rule) => html`<${Quality} key=${rule.name} rule=${rule} review=${review} />`)}</ul>
        <${Agreement} rule=${chosen} within=${within} queue=${queue} disputes=${disputes} />
      `}
    </details>
  `;
}

/** @param {{rule: Rule, review: (rule: string) => void}} props */
function Quality({ rule, review }) {
  const todo = next(rule);
  const waiting = rule.tags.proposed ?? 0;
  return html`
    <li>
      <h3 dir="auto">${rule.name}</h3>
      <dl>
        <${Share} name=${t("precision")} about=${t("precisionAbout")} rate=${rule.precision} />
        <${Share} name=${t("recall")} about=${t("recallAbout")} rate=${rule.recall} />
      </dl>
      ${todo.length === 0 && html`<p class="next">${t("qualityEmpty")}</p>`}
      ${todo.length > 0 && html`<p class="next">${coded(todo.map(({ key, values }) => t(key, values)).join(" "))}</p>`}
      ${waiting > 0 && html`<button type="button" onClick=${() => review(rule.name)}>
        ${t("qualityReview", { count: waiting })}<span class="hidden">: ${rule.name}</span></button>`}
    </li>
  `;
}

/** @param {{name: string, about: string, rate: import("./types.js").Rate}} props */
function Share({ name, about, rate }) {
  const { low, high, samples } = rate;
  return html`
    <div>
      <dt>${name} <span class="about">${about}</span></dt>
      <dd>${rate.share === null ? t("notReviewed") : html`
        <strong>${share(rate.share)}</strong>${" "}
        <span class="about">${t("interval", { low: share(low), high: share(high) })}${", "}${t("ofSamples", { count: samples })}</span>
        <span class="range" aria-hidden="true">
          <i style=${{ left: `${low * 100}%`, width: `${(high - low) * 100}%` }}></i><b style=${{ left: `${rate.share * 100}%` }}></b></span>`}</dd>
    </div>
  `;
}

/** @param {{rule: string, within: Record<string, string>, queue: object | null, disputes: () => void}} props */
function Agreement({ rule, within, queue, disputes }) {
  const [known, know] = useState(/** @type {import("./types.js").Annotators | null} */ (null));
  const [reason, fail] = useState("");
  useEffect(() => {
    const given = new URLSearchParams({ ...within, ...(rule ? { rule } : {}) });
    let isCurrent = true;
    ask(`v1/agreement?${given}`).then(
      (found) => { if (isCurrent) { know(found); fail(""); } },
      (error) => { if (isCurrent) fail(problemIn(error).status === 403 ? t("agreementForbidden") : said(error)); },
    );
    return () => { isCurrent = false; };
  }, [rule, within.collection, queue]);
  if (reason) return html`<p class="quiet" role="status">${reason}</p>`;
  if (!known) return null;
  const { pairs, annotators, disputed } = known;
  const seconds = (/** @type {number} */ value) => numbers(locale(), { maximumFractionDigits: 1 }).format(value);
  const kappa = (/** @type {number | null} */ value) =>
    value === null ? t("kappaNone") : numbers(locale(), { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value);
  return html`
    <h3>${t("annotators")}</h3>
    ${annotators.length === 0 && html`<p class="quiet">${t("annotatorsNone")}</p>`}
    ${annotators.length > 0 && html`
      <div class="table" tabindex="0" role="region" aria-label=${t("annotators")}>
        <table class="stacked paces">
          <thead><tr><th scope="col">${t("annotator")}</th><th scope="col" class="number">${t("decisions")}</th>
            <th scope="col" class="number">${t("perDecision")}</th></tr></thead>
          <tbody>${annotators.map((each) => html`<tr key=${each.annotator}><th scope="row" dir="auto">${each.annotator}</th>
            <td class="number" data-name=${t("decisions")}>${numbers(locale()).format(each.decisions)}</td>
            <td class="number" data-name=${t("perDecision")}>${t("perSeconds", { seconds: seconds(each.seconds) })}</td></tr>`)}</tbody>
        </table>
      </div>
      <h3>${t("agreeing")}</h3>
      ${pairs.length === 0 && html`<p class="quiet">${t("agreeingNone")}</p>`}`}
    ${pairs.length > 0 && html`
      <p class="quiet">${t("kappaAbout")}</p>
      <div class="table" tabindex="0" role="region" aria-label=${t("agreeing")}>
        <table class="stacked pairs">
          <thead><tr><th scope="col">${t("annotators")}</th><th scope="col" class="number">${t("bothDecided")}</th>
            <th scope="col" class="number">${t("bothAgreed")}</th><th scope="col" class="number">${t("kappa")}</th></tr></thead>
          <tbody>${pairs.map((each) => html`<tr key=${each.annotators.join(" ")}><th scope="row" dir="auto">${each.annotators.join(", ")}</th>
            <td class="number" data-name=${t("bothDecided")}>${numbers(locale()).format(each.samples)}</td>
            <td class="number" data-name=${t("bothAgreed")}>${numbers(locale()).format(each.agreed)}</td>
            <td class="number" data-name=${t("kappa")}>${kappa(each.kappa)}</td></tr>`)}</tbody>
        </table>
      </div>`}
    ${disputed > 0 && html`<p><button type="button" onClick=${disputes}>${t("disputes", { count: disputed })}</button></p>`}
  `;
}
