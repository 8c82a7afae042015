// What must not be seen and what must follow, under the box, opened when it is wanted.

import { ALONE, changed, isAlone, LONGEST, LONGEST_S, secondsOf, WITHIN_S } from "../composed.js";
import { useDraft, useValue } from "../hooks.js";
import { t } from "../language.js";
import { go, route } from "../navigation.js";
import { html, useEffect, useRef } from "../vendor/preact.js";
import { Icon } from "./icons.js";

const MOST = { without: 3, then: 2 }; // that are offered; the server takes more

/** @typedef {"" | "without" | "then"} Draft the kind of row that is open and has no words yet */

/**
 * A search in words, with all that stands beside its sentence.
 * @param {import("../composed.js").Sentence} sentence
 */
export const worded = ({ query, without, then }) => [
  query,
  ...without.map((words) => t("withoutThis", { words })),
  ...then.map(({ query: words, within: seconds }) => t("thenThis", { words, seconds })),
].join(", ");

/** @param {{draft: Draft, open: (draft: Draft) => void}} props */
export function Composed({ draft, open }) {
  const { without, then } = useValue(route);
  const leave = () => {
    open("");
    document.getElementById("query")?.focus();
  };
  /**
   * @param {number} place
   * @param {string} words
   */
  const exclude = (place, words) => {
    if (draft === "without" && place === without.length) open("");
    go({ without: changed(without, place, words || null), open: null });
  };
  /**
   * @param {number} place
   * @param {import("../composed.js").Step} step
   */
  const follow = (place, step) => {
    if (draft === "then" && place === then.length && step.query) open("");
    go({ then: changed(then, place, step.query ? step : null), open: null });
  };
  if (isAlone({ without, then }) && !draft) return null;
  return html`
    <div class="composed" role="group" aria-label=${t("composed")}>
      ${[...without, ...(draft === "without" ? [""] : [])].map((words, place) => html`
        <span key=${`without ${place}`} class="part">
          <${Words} name=${t("without")} value=${words} chosen=${(/** @type {string} */ text) => exclude(place, text)} />
          <${Away} label=${t("removeWithout", { words })} away=${() => { exclude(place, ""); leave(); }} />
        </span>
      `)}
      ${[...then, ...(draft === "then" ? [{ query: "", within: WITHIN_S }] : [])].map((step, place) => html`
        <${Step} key=${`then ${place}`} step=${step} chosen=${(/** @type {any} */ given) => follow(place, given)} leave=${leave} />
      `)}
      <button class="plain" type="button" onClick=${() => { go({ ...ALONE, open: null }); leave(); }}>
        <${Icon} name="close" /> ${t("composedClear")}</button>
    </div>
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
      <${Words} name=${t("then")} value=${words}
        chosen=${(/** @type {string} */ text) => chosen({ query: text, within: secondsOf(within) })} />
      <label>${t("within")}
        <input type="number" min="0" max=${LONGEST_S} step="any" value=${within} onChange=${timed}
          onInput=${(/** @type {any} */ event) => time(event.target.value)} />
        ${t("withinSeconds")}</label>
      <${Away} label=${t("removeThen", { words })} away=${() => { chosen({ query: "", within: WITHIN_S }); leave(); }} />
    </span>
  `;
}

/** @param {{name: string, value: string, chosen: (text: string) => void}} props */
function Words({ name, value, chosen }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [typed, type] = useDraft(value);
  useEffect(() => { if (!value) input.current?.focus(); }, []);
  return html`
    <label>${name}
      <input ref=${input} type="text" dir="auto" maxlength=${LONGEST} autocomplete="off" spellcheck="true"
        enterkeyhint="search" value=${typed}
        onInput=${(/** @type {any} */ event) => type(event.target.value)}
        onChange=${(/** @type {any} */ event) => chosen(event.target.value.trim())} /></label>
  `;
}

/** @param {{label: string, away: () => void}} props */
const Away = ({ label, away }) => html`
  <button class="plain" type="button" aria-label=${label} title=${label} onClick=${away}><${Icon} name="close" /></button>
`;

/**
 * The buttons that open one more row.
 * @param {{draft: Draft, open: (draft: Draft) => void}} props
 */
export function Adding({ draft, open }) {
  const { without, then } = useValue(route);
  return html`
    ${draft !== "without" && without.length < MOST.without && html`
      <button id="add-without" class="plain" type="button" onClick=${() => open("without")}>${t("addWithout")}</button>
    `}
    ${draft !== "then" && then.length < MOST.then && html`
      <button id="add-then" class="plain" type="button" onClick=${() => open("then")}>${t("addThen")}</button>
    `}
  `;
}
