// What must follow: its sentence, its time, and its parts as rows below.

import { changed, isWanted, LONGEST_S, room, secondsOf } from "../composed.js";
import { useDraft } from "../hooks.js";
import { t } from "../language.js";
import { searchWith } from "../picture.js";
import { html, useRef } from "../vendor/preact.js";
import { Icon } from "./icons.js";
import { Away, Row, said, Words } from "./rows.js";

/** @typedef {import("../composed.js").Step} StepAsked */

/**
 * What a step asks for, in words.
 * @param {Pick<StepAsked, "query" | "parts">} step
 */
export const wordsOf = ({ query, parts }) => [
  ...(query ? [query] : []),
  ...parts.map((part) => (part.weight < 0 ? t("withoutThis", { words: said(part) }) : said(part))),
].join(", ");

/**
 * The seconds are kept while the words are not there yet.
 * @param {object} props
 * @param {StepAsked} props.step
 * @param {number} props.place 1 for the first one that follows
 * @param {import("./composed.js").Draft} props.draft
 * @param {(draft: import("./composed.js").Draft) => void} props.open
 * @param {(step: StepAsked | null) => void} props.chosen
 * @param {() => void} props.leave
 */
export function Step({ step, place, draft, open, chosen, leave }) {
  const { query, parts } = step;
  const words = wordsOf(step);
  const isThere = isWanted(step);
  const [within, time] = useDraft(String(step.within));
  const own = draft?.step === place && draft.kind !== "then" ? draft.kind : null;
  const timed = () => {
    const seconds = secondsOf(within);
    time(String(seconds));
    if (isThere) chosen({ ...step, within: seconds });
  };
  /** @param {string} text */
  const worded = (text) => {
    const next = { ...step, query: text, within: secondsOf(within) };
    chosen(text || parts.length ? next : null);
  };
  /**
   * @param {number} at
   * @param {import("../composed.js").Part | null} part
   */
  const set = (at, part) => {
    if (at === parts.length) open(null);
    const next = { ...step, parts: changed(parts, at, part && "text" in part && !part.text ? null : part) };
    chosen(next.query || next.parts.length ? next : null);
  };
  /** @type {import("../composed.js").Part[]} */
  const drafts = own ? [{ text: "", weight: own === "and" ? 1 : -1 }] : [];
  return html`
    <div class="step" role="group" aria-label=${t("stepNamed", { place: String(place + 1), words })}>
      <span class="part">
        <${Words} name=${t("then")} value=${query} isNamed isQuiet=${parts.length > 0} chosen=${worded} />
        <label>${t("within")}
          <input type="number" min="0" max=${LONGEST_S} step="any" value=${within} onChange=${timed}
            onInput=${(/** @type {any} */ event) => time(event.target.value)} />
          ${t("withinSeconds")}</label>
        <${Away} label=${t("removeThen", { words })} away=${() => { chosen(null); leave(); }} />
      </span>
      ${[...parts, ...drafts].map((part, at) => html`
        <${Row} key=${at} part=${part} isOne=${parts.length + (query ? 1 : 0) < 2} only=${null}
          sense=${(/** @type {"and" | "without"} */ kind) => open({ kind, step: place })}
          set=${(/** @type {import("../composed.js").Part | null} */ next) => set(at, next)} leave=${leave} />`)}
      ${!isThere && parts.length > 0 && html`<p class="note" role="status">${t("nothingWantedThen")}</p>`}
      ${isThere && !own && room(step) > 0 && html`<${More} place=${place} words=${words} open=${open} />`}
    </div>
  `;
}

/**
 * The buttons that add a part to a step.
 * @param {{place: number, words: string, open: (draft: import("./composed.js").Draft) => void}} props
 */
function More({ place, words, open }) {
  const chooser = useRef(/** @type {HTMLInputElement | null} */ (null));
  /** @type {("and" | "without")[]} */
  const kinds = ["and", "without"];
  /** @param {any} event */
  const chosen = (event) => {
    const [file] = event.target.files;
    if (file) searchWith(file, place);
    event.target.value = ""; // so that the same file can be chosen again
  };
  return html`
    <span class="more-parts">
      ${kinds.map((kind) => html`
        <button key=${kind} class="plain" type="button" aria-label=${`${t("thenShort", { words })}: ${t(`add_${kind}`)}`}
          onClick=${() => open({ kind, step: place })}>${t(`add_${kind}`)}</button>`)}
      <button class="plain" type="button" title=${t("withPicture")} onClick=${() => chooser.current?.click()}
        aria-label=${`${t("thenShort", { words })}: ${t("withPicture")}`}><${Icon} name="picture" /></button>
      <input ref=${chooser} type="file" accept="image/*" hidden aria-label=${t("withPicture")} onChange=${chosen} />
    </span>
  `;
}
