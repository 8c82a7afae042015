// One part of a search as a row, which can be changed and removed.

import { IMPORTANCE, importanceOf, LEAST_WEIGHT, LONGEST, MOST_WEIGHT } from "../composed.js";
import { moment } from "../format.js";
import { useDraft } from "../hooks.js";
import { t } from "../language.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Alike, nameOf } from "./asked.js";
import { Icon } from "./icons.js";

/** @typedef {import("../composed.js").Part} Part */

/** @param {Part} part */
export function said(part) {
  if ("text" in part) return part.text;
  return "like" in part ? t("likeMoment", { time: moment(part.like.time) }) : t("alikePicture");
}

/**
 * @param {object} props
 * @param {Part} props.part
 * @param {boolean} props.isOne whether its step has nothing else, so that it cannot be more important
 * @param {(part: Part | null) => void} props.set
 * @param {(kind: "and" | "without") => void} props.sense what a row without words is for
 * @param {() => void} props.leave
 * @param {(() => void) | null} props.only what asks for this part alone, if anything does
 */
export function Row({ part, isOne, set, sense, leave, only }) {
  const isText = "text" in part;
  const words = isText ? part.text : said(part);
  const isDraft = isText && !part.text;
  const size = Math.abs(part.weight);
  /** @param {string} kind */
  const turned = (kind) => {
    if (isDraft) sense(kind === "not" ? "without" : "and");
    else set({ ...part, weight: kind === "not" ? -size : size });
  };
  return html`
    <span class="part">
      <select aria-label=${isDraft ? t("sense") : t("senseOf", { words })} value=${part.weight < 0 ? "not" : "and"}
        onChange=${(/** @type {any} */ event) => turned(event.target.value)}>
        <option value="and" selected=${part.weight > 0}>${t(isText ? "and" : "and_alike")}</option>
        <option value="not" selected=${part.weight < 0}>${t(isText ? "without" : "without_alike")}</option>
      </select>
      ${isText
        ? html`<${Words} name=${t(part.weight < 0 ? "without" : "and")} value=${part.text}
            chosen=${(/** @type {string} */ text) => set({ ...part, text })} />`
        : html`<${Alike} part=${part} />`}
      ${!isDraft && !isOne && html`<${Importance} part=${part} words=${words} set=${set} />`}
      ${only && !isText && !isOne && html`
        <button class="plain only" type="button" onClick=${only}>${t("onlyThis")}</button>`}
      <${Away} label=${t("removePart", { words: nameOf(part) || words })} away=${() => { set(null); leave(); }} />
    </span>
  `;
}

/**
 * How much a part counts against the sentence: in words, or as a number of times.
 * @param {{part: Part, words: string, set: (part: Part) => void}} props
 */
function Importance({ part, words, set }) {
  const now = importanceOf(part);
  const size = Math.abs(part.weight);
  const [exact, open] = useState(!now);
  const [typed, type] = useDraft(String(size));
  /** @param {number} weight */
  const weigh = (weight) => set({ ...part, weight: part.weight < 0 ? -weight : weight });
  /** @param {any} event */
  const chosen = (event) => {
    const weight = IMPORTANCE[/** @type {keyof typeof IMPORTANCE} */ (event.target.value)];
    open(!weight);
    if (weight) weigh(weight);
  };
  /** @param {any} event */
  const timed = (event) => {
    const times = Number(event.target.value);
    type(String(size)); // shown if what was typed is no weight
    if (times > 0) weigh(Math.min(MOST_WEIGHT, Math.max(LEAST_WEIGHT, times)));
  };
  const isExact = exact || !now;
  return html`
    <select class="importance" aria-label=${t("importanceOf", { words })} onChange=${chosen}>
      ${Object.keys(IMPORTANCE).map((each) => html`
        <option key=${each} value=${each} selected=${!isExact && each === now}>
          ${t(/** @type {import("../language.js").Key} */ (`importance_${each}`))}</option>`)}
      <option value="exact" selected=${isExact}>${t("importance_exact")}</option>
    </select>
    ${isExact && html`
      <label><span class="hidden">${t("timesOf", { words })}</span>
        <input class="weight" type="number" min=${LEAST_WEIGHT} max=${MOST_WEIGHT} step="any" value=${typed}
          onInput=${(/** @type {any} */ event) => type(event.target.value)} onChange=${timed} />
        ${t("times")}</label>`}
  `;
}

/** @param {{name: string, value: string, isNamed?: boolean, isQuiet?: boolean, chosen: (text: string) => void}} props */
export function Words({ name, value, isNamed = false, isQuiet = false, chosen }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [typed, type] = useDraft(value);
  useEffect(() => { if (!value && !isQuiet) input.current?.focus(); }, []);
  return html`
    <label><span class=${isNamed ? "" : "hidden"}>${name}</span>
      <input ref=${input} type="text" dir="auto" maxlength=${LONGEST} autocomplete="off" spellcheck="true"
        enterkeyhint="search" value=${typed}
        onInput=${(/** @type {any} */ event) => type(event.target.value)}
        onChange=${(/** @type {any} */ event) => chosen(event.target.value.trim())} /></label>
  `;
}

/** @param {{label: string, away: () => void}} props */
export const Away = ({ label, away }) => html`
  <button class="plain away" type="button" aria-label=${label} title=${label} onClick=${away}><${Icon} name="close" /></button>
`;
