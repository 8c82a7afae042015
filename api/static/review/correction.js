// What fits instead of a proposed tag: another tag, another span, or both.

import { t } from "../language.js";
import { html } from "../vendor/preact.js";

/**
 * @param {{sample: import("./types.js").ReviewSample, rules: string[],
 *   decide: (verdict: string, more: object) => void}} props
 */
export function Correction({ sample, rules, decide }) {
  /** @param {SubmitEvent} event */
  const save = (event) => {
    event.preventDefault();
    const given = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const label = String(given.get("label")).trim();
    const [start, end] = [Number(given.get("start")), Number(given.get("end"))];
    const isMoved = start !== sample.start || end !== sample.end;
    decide("correct", { ...(label && label !== sample.rule ? { label } : {}), ...(isMoved ? { start, end } : {}) });
  };
  return html`
    <form class="correction" onSubmit=${save}>
      <label>${t("reviewLabel")}<input name="label" list="review-rules" maxlength="100" value=${sample.rule} /></label>
      <datalist id="review-rules">${rules.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
      <label>${t("reviewFrom")}<input name="start" type="number" min="0" step="any" value=${sample.start} required /></label>
      <label>${t("reviewTo")}<input name="end" type="number" min="0" max=${Math.max(sample.duration, sample.end)} step="any" value=${sample.end} required /></label>
      <button>${t("reviewSave")}</button>
    </form>
  `;
}
