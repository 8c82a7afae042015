// What else is asked for, under the box: a row for each part and each step, which can be changed and removed.

import {
  ALONE, changed, hasPicture, IMPORTANCE, importanceOf, isAlone, isSeen, isWanted, LONGEST, LONGEST_S, MOST_STEPS, room, secondsOf, WITHIN_S,
} from "../composed.js";
import { moment, numbers } from "../format.js";
import { useDraft, useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { go, route } from "../navigation.js";
import { html, useEffect, useRef } from "../vendor/preact.js";
import { Alike, nameOf } from "./asked.js";
import { Icon } from "./icons.js";

/** @typedef {import("../composed.js").Part} Part */
/** @typedef {"" | "and" | "without" | "then"} Draft the kind of row that is open and has no words yet */

/** @param {Part} part */
function said(part) {
  if ("text" in part) return part.text;
  return "like" in part ? t("likeMoment", { time: moment(part.like.time) }) : t("alikePicture");
}

/**
 * A search in words, with all its parts and steps.
 * @param {import("../composed.js").Sentence} sentence
 */
export const worded = ({ query, parts, then }) => [
  ...(query ? [query] : []),
  ...parts.map((part) => (part.weight < 0 ? t("withoutThis", { words: said(part) }) : said(part))),
  ...then.map(({ query: words, within: seconds }) => t("thenThis", { words, seconds })),
].join(", ");

/**
 * What the parts are called, in the order in which the server explains them.
 * @param {Pick<import("../composed.js").Sentence, "query" | "parts">} sentence
 */
export const namesOf = ({ query, parts }) => [...(query ? [query] : []), ...parts.map(said)];

/** @param {{draft: Draft, open: (draft: Draft) => void}} props */
export function Composed({ draft, open }) {
  const now = useValue(route);
  const { query, parts, then } = now;
  const group = useRef(/** @type {HTMLElement | null} */ (null));
  const alike = parts.filter((part) => !("text" in part)).length;
  // The link that led here may be gone, so a reader of the screen would be at the start of the page.
  useEffect(() => { if (alike && !now.open) group.current?.focus(); }, [alike]);
  const leave = () => {
    open("");
    document.getElementById("query")?.focus();
  };
  /**
   * @param {number} place
   * @param {Part | null} part
   */
  const set = (place, part) => {
    if (place === parts.length && part) open("");
    const next = part && "text" in part && !part.text ? null : part;
    go({ parts: changed(parts, place, next), open: null });
  };
  /**
   * @param {number} place
   * @param {import("../composed.js").Step} step
   */
  const follow = (place, step) => {
    if (draft === "then" && place === then.length && step.query) open("");
    go({ then: changed(then, place, step.query ? step : null), open: null });
  };
  if (isAlone({ parts, then }) && !draft) return null;
  const isOne = parts.length + (query ? 1 : 0) < 2;
  /** @type {Part[]} */
  const drafts = draft === "and" || draft === "without" ? [{ text: "", weight: draft === "and" ? 1 : -1 }] : [];
  return html`
    <div id="asked" class="composed" ref=${group} tabindex="-1" role="group" aria-label=${t("composed")}>
      ${[...parts, ...drafts].map((part, place) => html`
        <${Row} key=${`part ${place}`} part=${part} isOne=${isOne} sense=${(/** @type {Draft} */ kind) => open(kind)}
          set=${(/** @type {Part | null} */ next) => set(place, next)} leave=${leave} />
      `)}
      ${[...then, ...(draft === "then" ? [{ query: "", within: WITHIN_S }] : [])].map((step, place) => html`
        <${Step} key=${`then ${place}`} step=${step} chosen=${(/** @type {any} */ given) => follow(place, given)} leave=${leave} />
      `)}
      ${!isWanted(now) && !isAlone(now) && html`<p class="note" role="status">${t("nothingWanted")}</p>`}
      ${isSeen({ parts }) && html`<p class="note quiet">${t("alikeMeans")} ${hasPicture({ parts }) && t("pictureUnshared")}</p>`}
      ${parts.length + then.length > 1 && html`
        <button class="plain" type="button" onClick=${() => { go({ ...ALONE, open: null }); leave(); }}>
          <${Icon} name="close" /> ${t("composedClear")}</button>`}
    </div>
  `;
}

/**
 * @param {object} props
 * @param {Part} props.part
 * @param {boolean} props.isOne whether nothing else is asked for, so that it cannot be more important
 * @param {(part: Part | null) => void} props.set
 * @param {(draft: Draft) => void} props.sense what a row without words is for
 * @param {() => void} props.leave
 */
function Row({ part, isOne, set, sense, leave }) {
  const isText = "text" in part;
  const words = isText ? part.text : said(part);
  const isDraft = isText && !part.text;
  const size = Math.abs(part.weight);
  /** @param {string} kind */
  const turned = (kind) => {
    if (isDraft) sense(kind === "not" ? "without" : "and");
    else set({ ...part, weight: kind === "not" ? -size : size });
  };
  const only = () => {
    go({ query: "", ...ALONE, parts: [{ ...part, weight: 1 }], open: null });
    document.getElementById("asked")?.focus(); // this button is not there any more
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
      ${!isText && !isOne && html`
        <button class="plain only" type="button" onClick=${only}>${t("onlyThis")}</button>`}
      <${Away} label=${t("removePart", { words: nameOf(part) || words })} away=${() => { set(null); leave(); }} />
    </span>
  `;
}

/**
 * How much a part counts against the sentence, in words; a weight of an address that has no word is shown.
 * @param {{part: Part, words: string, set: (part: Part) => void}} props
 */
function Importance({ part, words, set }) {
  const now = importanceOf(part);
  const size = Math.abs(part.weight);
  /** @param {any} event */
  const chosen = (event) => {
    const weight = IMPORTANCE[/** @type {keyof typeof IMPORTANCE} */ (event.target.value)];
    if (weight) set({ ...part, weight: part.weight < 0 ? -weight : weight });
  };
  return html`
    <select class="importance" aria-label=${t("importanceOf", { words })} onChange=${chosen}>
      ${Object.keys(IMPORTANCE).map((each) => html`
        <option key=${each} value=${each} selected=${each === now}>
          ${t(/** @type {import("../language.js").Key} */ (`importance_${each}`))}</option>`)}
      ${!now && html`<option value="" selected>${t("importance_other", { times: numbers(locale(), {}).format(size) })}</option>`}
    </select>
  `;
}

/**
 * The seconds are kept while the words are not there yet.
 * @param {{step: import("../composed.js").Step, chosen: (step: import("../composed.js").Step) => void, leave: () => void}} props
 */
function Step({ step, chosen, leave }) {
  const { query: words } = step;
  const [within, time] = useDraft(String(step.within));
  const timed = () => {
    const seconds = secondsOf(within);
    time(String(seconds));
    if (words) chosen({ query: words, within: seconds });
  };
  return html`
    <span class="part">
      <${Words} name=${t("then")} value=${words} isNamed
        chosen=${(/** @type {string} */ text) => chosen({ query: text, within: secondsOf(within) })} />
      <label>${t("within")}
        <input type="number" min="0" max=${LONGEST_S} step="any" value=${within} onChange=${timed}
          onInput=${(/** @type {any} */ event) => time(event.target.value)} />
        ${t("withinSeconds")}</label>
      <${Away} label=${t("removeThen", { words })} away=${() => { chosen({ query: "", within: WITHIN_S }); leave(); }} />
    </span>
  `;
}

/** @param {{name: string, value: string, isNamed?: boolean, chosen: (text: string) => void}} props */
function Words({ name, value, isNamed = false, chosen }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [typed, type] = useDraft(value);
  useEffect(() => { if (!value) input.current?.focus(); }, []);
  return html`
    <label><span class=${isNamed ? "" : "hidden"}>${name}</span>
      <input ref=${input} type="text" dir="auto" maxlength=${LONGEST} autocomplete="off" spellcheck="true"
        enterkeyhint="search" value=${typed}
        onInput=${(/** @type {any} */ event) => type(event.target.value)}
        onChange=${(/** @type {any} */ event) => chosen(event.target.value.trim())} /></label>
  `;
}

/** @param {{label: string, away: () => void}} props */
const Away = ({ label, away }) => html`
  <button class="plain away" type="button" aria-label=${label} title=${label} onClick=${away}><${Icon} name="close" /></button>
`;

/**
 * The buttons that open one more row.
 * @param {{draft: Draft, open: (draft: Draft) => void}} props
 */
export function Adding({ draft, open }) {
  const now = useValue(route);
  /** @type {("and" | "without")[]} */
  const kinds = room(now) > 0 ? ["and", "without"] : [];
  return html`
    ${draft !== "and" && draft !== "without" && kinds.map((kind) => html`
      <button key=${kind} id="add-${kind}" class="plain" type="button" onClick=${() => open(kind)}>${t(`add_${kind}`)}</button>
    `)}
    ${draft !== "then" && now.then.length < MOST_STEPS && html`
      <button id="add-then" class="plain" type="button" onClick=${() => open("then")}>${t("add_then")}</button>
    `}
  `;
}
