// What else is asked for, under the box: a row for each part and each step, which can be changed and removed.

import { ALONE, changed, hasPicture, isAlone, isSeen, isWanted, MOST_STEPS, room, WITHIN_S } from "../composed.js";
import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { go, route } from "../navigation.js";
import { html, useEffect, useRef } from "../vendor/preact.js";
import { Icon } from "./icons.js";
import { Row, said } from "./rows.js";
import { Step, wordsOf } from "./step.js";

/** @typedef {import("../composed.js").Part} Part */
/**
 * @typedef {{kind: "and" | "without" | "then", step: number} | null} Draft the row that is open and has no words yet,
 *   and the step that it is in: 0 is the first
 */

/**
 * A search in words, with all its parts and steps.
 * @param {import("../composed.js").Sentence} sentence
 */
export const worded = ({ query, parts, then }) => [
  wordsOf({ query, parts }), ...then.map((step) => t("thenThis", { words: wordsOf(step), seconds: step.within })),
].filter(Boolean).join(", ");

/**
 * What the parts of a step are called, in the order in which the server explains them.
 * @param {Pick<import("../composed.js").Sentence, "query" | "parts">} step
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
    open(null);
    document.getElementById("query")?.focus();
  };
  /**
   * @param {number} place
   * @param {Part | null} part
   */
  const set = (place, part) => {
    if (place === parts.length && part) open(null);
    const next = part && "text" in part && !part.text ? null : part;
    go({ parts: changed(parts, place, next), open: null });
  };
  /**
   * @param {number} place
   * @param {import("../composed.js").Step | null} step
   */
  const follow = (place, step) => {
    if (draft?.kind === "then" && place === then.length) open(null);
    go({ then: changed(then, place, step), open: null });
  };
  if (isAlone({ parts, then }) && !draft) return null;
  const own = draft?.step === 0 && draft.kind !== "then" ? draft.kind : null;
  const isOne = parts.length + (query ? 1 : 0) < 2;
  /** @type {Part[]} */
  const drafts = own ? [{ text: "", weight: own === "and" ? 1 : -1 }] : [];
  /** @type {import("../composed.js").Step[]} */
  const steps = draft?.kind === "then" ? [...then, { query: "", parts: [], within: WITHIN_S }] : then;
  /** @param {Part} part */
  const only = (part) => {
    go({ query: "", ...ALONE, parts: [{ ...part, weight: 1 }], open: null });
    document.getElementById("asked")?.focus(); // the button is not there any more
  };
  return html`
    <div id="asked" class="composed" ref=${group} tabindex="-1" role="group" aria-label=${t("composed")}>
      ${[...parts, ...drafts].map((part, place) => html`
        <${Row} key=${`part ${place}`} part=${part} isOne=${isOne} only=${() => only(part)}
          sense=${(/** @type {"and" | "without"} */ kind) => open({ kind, step: 0 })}
          set=${(/** @type {Part | null} */ next) => set(place, next)} leave=${leave} />
      `)}
      ${steps.map((step, place) => html`
        <${Step} key=${`then ${place}`} step=${step} place=${place + 1} draft=${draft} open=${open}
          chosen=${(/** @type {any} */ given) => follow(place, given)} leave=${leave} />
      `)}
      ${!isWanted(now) && !isAlone(now) && html`<p class="note" role="status">${t("nothingWanted")}</p>`}
      ${isSeen(now) && html`<p class="note quiet">${t("alikeMeans")} ${hasPicture(now) && t("pictureUnshared")}</p>`}
      ${parts.length + then.length > 1 && html`
        <button class="plain" type="button" onClick=${() => { go({ ...ALONE, open: null }); leave(); }}>
          <${Icon} name="close" /> ${t("composedClear")}</button>`}
    </div>
  `;
}

/**
 * The buttons that open one more row.
 * @param {{draft: Draft, open: (draft: Draft) => void}} props
 */
export function Adding({ draft, open }) {
  const now = useValue(route);
  /** @type {("and" | "without")[]} */
  const kinds = room(now) > 0 ? ["and", "without"] : [];
  const isOpen = draft?.step === 0 && draft.kind !== "then";
  return html`
    ${!isOpen && kinds.map((kind) => html`
      <button key=${kind} id="add-${kind}" class="plain" type="button" onClick=${() => open({ kind, step: 0 })}>${t(`add_${kind}`)}</button>
    `)}
    ${draft?.kind !== "then" && now.then.length < MOST_STEPS && html`
      <button id="add-then" class="plain" type="button" onClick=${() => open({ kind: "then", step: 0 })}>${t("add_then")}</button>
    `}
  `;
}
