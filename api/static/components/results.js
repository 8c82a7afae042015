// The moments of an answer: how many there are, those that match, and those that are only near.

import { said } from "../api.js";
import { refusal } from "../changing.js";
import { isLong } from "../format.js";
import { divided, folded, goesOn, unfoldedOf } from "../hits.js";
import { useNear, useValue } from "../hooks.js";
import { t } from "../language.js";
import { isRedacted, libraries, videos } from "../library.js";
import { route } from "../navigation.js";
import { loadFurther, others, run, search, unfoldVideo } from "../searching.js";
import { html, useLayoutEffect, useMemo, useState } from "../vendor/preact.js";
import { Card } from "./card.js";
import { worded } from "./composed.js";
import { Icon } from "./icons.js";
import { Later } from "./later.js";
import { Empty, Notice } from "./notice.js";
import { VirtualList } from "./virtuallist.js";

const NEAREST = 4; // moments shown where none matches
const LESS = 12; // moments shown below those that match

const dialog = () => import("../live/watching.js");

export function Results() {
  const { answer, problem, waiting, query, turn, further } = useValue(search);
  const now = useValue(route);
  const { collection } = now;
  const known = useValue(libraries);
  const redacted = useValue(isRedacted);
  const [nearest, showNearest] = useState(false);
  const [watching, watch] = useState(false);
  useLayoutEffect(() => showNearest(false), [turn]); // before somebody can press the button
  const isEmpty = known && !known.problem && !videos.value;
  if (isEmpty || problem?.type?.endsWith("/problems/nothing-indexed")) return html`<${Empty} collection=${collection} />`;
  return html`
    <h1 class="hidden">${worded(now)}</h1>
    <div class="status-line">
      <p id="status" class=${answer && !isFound(answer) ? "status none" : "status"} role="status">
        ${answer ? html`<${Count} answer=${answer} query=${query} nearest=${nearest} />` : waiting && t("searching")}
      </p>
      ${answer && html`<button id="tell-me" class="plain" type="button" onClick=${() => watch(true)}>
        <${Icon} name="bell" />${t("tellMe")}</button>`}
    </div>
    ${watching && html`<${Later} load=${dialog} close=${() => watch(false)} />`}
    ${redacted && answer && html`<p id="redacted" class="quiet" role="note">${t("redacted")}</p>`}
    ${problem && html`<${Notice} problem=${problem} retry=${run} />`}
    ${answer
      ? html`<${Moments} answer=${answer} old=${waiting} turn=${turn} further=${further}
          nearest=${nearest} showNearest=${() => showNearest(true)} />`
      : waiting && html`<${Waiting} />`}
  `;
}

/** @param {import("../types.js").Answer} answer */
const isFound = (answer) => divided(answer.hits, answer.alike_from).good.length > 0;

/** @param {{answer: import("../types.js").Answer, query: string, nearest: boolean}} props */
function Count({ answer, query, nearest }) {
  const known = useValue(libraries);
  const { hits, total, more, total_videos: inVideos, took_ms: ms } = answer;
  const isWeak = !isFound(answer);
  const notes = [];
  const whole = hits.some((hit) => typeof hit.more_in_video === "number") ? inVideos : total;
  if (whole > hits.length) notes.push(t("firstShown", { count: hits.length }));
  if (answer.truncated_at !== null) {
    notes.push(t("cut", { end: query.slice(0, answer.truncated_at).slice(-30) }));
  }
  if (answer.incomplete?.length) notes.push(t("incomplete", { shards: answer.incomplete.join(", ") }));
  if (answer.stale) notes.push(t("stale", { count: Math.round(answer.age_s ?? 0) }));
  if (isWeak && (known?.collections.length ?? 0) > 1) notes.unshift(t("orCollection"));
  const rest = notes.map((note) => html` <span key=${note}>${note}</span>`);
  if (!hits.length) return html`<strong>${t("noMoment")}</strong> ${t("noMomentDetail")}${rest}`;
  if (isWeak && answer.alike_from !== null) return html`<strong>${t(nearest ? "nearestAlike" : "weakAlike")}</strong>${rest}`;
  if (isWeak) return html`<strong>${t("weak")}</strong> ${t("weakDetail")}${rest}`;
  const many = t(more ? "momentsOrMore" : "momentsFound", { count: total });
  return html`<strong>${many}</strong> ${t("inVideos", { count: inVideos, ms: Math.round(ms) })}${rest}`;
}

/**
 * @param {object} props
 * @param {import("../types.js").Answer} props.answer
 * @param {boolean} props.old
 * @param {number} props.turn
 * @param {import("../searching.js").State["further"]} props.further
 * @param {boolean} props.nearest whether the nearest are shown although none matches
 * @param {() => void} props.showNearest
 */
function Moments({ answer, old, turn, further, nearest, showNearest }) {
  const known = useValue(others);
  const [copies, unfold] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  const [all, showAll] = useState(false);
  useLayoutEffect(() => {
    unfold(new Set());
    showAll(false);
  }, [turn]);
  // Of the answer that is shown, while another one is awaited.
  const isGrouped = answer.hits.some((hit) => typeof hit.more_in_video === "number");
  const unfolded = isGrouped ? new Set(known.keys()) : copies;
  const { good, weak } = useMemo(() => {
    const { good, weak } = divided(unfoldedOf(answer.hits, known), answer.alike_from);
    return { good: folded(good, isGrouped, unfolded), weak: folded(weak, isGrouped, unfolded) };
  }, [answer, known, copies]);
  /** @param {string} group */
  const toggle = (group) => {
    if (isGrouped) {
      unfoldVideo(group).catch((error) => { refusal.value = said(error); });
      return;
    }
    const next = new Set(copies);
    if (!next.delete(group)) next.add(group);
    unfold(next);
  };
  /** @param {import("../hits.js").Shown} shown */
  const draw = (shown) => html`<${Card} ...${shown} alikeFrom=${answer.alike_from} unfolded=${unfolded.has(shown.group)} toggle=${toggle} />`;
  const keyOf = (/** @type {import("../hits.js").Shown} */ { hit }) => `${hit.segment_id}`;
  const tall = answer.hits.some((hit) => isLong(hit.video.title));
  const less = all ? weak : weak.slice(0, good.length ? LESS : NEAREST);
  return html`
    <div id="results" class=${old ? "old" : ""}>
      <${VirtualList} items=${good} draw=${draw} keyOf=${keyOf} label=${t("moments")} tall=${tall} />
      ${goesOn(answer) && html`<${Further} state=${further} shown=${answer.hits.length} />`}
      ${weak.length > 0 && good.length > 0 && html`<h2 class="divider">${t("lessWell")}</h2>`}
      ${weak.length > 0 && !good.length && !nearest && html`
        <p class="more"><button type="button" onClick=${showNearest}>${t("showNearest")}</button></p>
      `}
      ${(good.length > 0 || nearest) && html`
        <${VirtualList} items=${less} draw=${draw} keyOf=${keyOf} label=${t("momentsLess")} tall=${tall} focusFirst=${nearest} />
        ${less.length < weak.length && html`
          <p class="more"><button type="button" onClick=${() => showAll(true)}>
            ${t("showLess", { count: weak.length - less.length })}</button></p>
        `}
      `}
    </div>
  `;
}

/**
 * What comes after the moments that are there: the next ones, as soon as somebody is near the end.
 * @param {{state: import("../searching.js").State["further"], shown: number}} props
 */
function Further({ state, shown }) {
  const end = useNear(loadFurther, state ? null : String(shown));
  if (state === "changed" || state === "failed") {
    return html`
      <p class="more" role="alert">${t(state === "changed" ? "libraryChanged" : "furtherFailed")}
        <button type="button" onClick=${state === "changed" ? run : loadFurther}>
          ${t(state === "changed" ? "searchAgain" : "tryAgain")}</button></p>
    `;
  }
  return html`<p class="more quiet" ref=${end}>${t("searching")}</p>`;
}

const Waiting = () => html`
  <ol class="cards" aria-hidden="true">
    ${[1, 2, 3, 4, 5, 6, 7, 8].map((place) => html`
      <li key=${place}><div class="card waiting"><span class="picture"></span>
        <span class="caption"><span class="line"></span><span class="line"></span></span></div></li>
    `)}
  </ol>
`;
