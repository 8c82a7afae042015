// One moment: its picture, which plays while somebody points at it, its time, name and relevance.

import { between, clock, level, numbers, percent, shorten } from "../format.js";
import { matches } from "../hits.js";
import { locale, t } from "../language.js";
import { link, route } from "../navigation.js";
import { remember } from "../recent.js";
import { toLike } from "../routes.js";
import { pieces, said } from "../said.js";
import { siteOf } from "../saving.js";
import { html } from "../vendor/preact.js";
import { Icon } from "./icons.js";
import { Name } from "./name.js";
import { Preview, usePreview } from "./preview.js";

const LONGEST = 58; // characters of a title

/**
 * @param {import("../hits.js").Shown & {alikeFrom: number | null, unfolded: boolean, toggle: (group: string) => void}} props
 */
export function Card({ hit, more, first, group, kind, alikeFrom, unfolded, toggle }) {
  const { video, start, end } = hit;
  const [playing, handlers] = usePreview(`${video.id} ${start}`);
  const { href, onClick } = link({ open: { video: video.id, start, end } });
  const alike = t("alikeTo", { title: video.title, span: between(start, end) });
  /** @param {MouseEvent} event */
  const opened = (event) => {
    remember(route.peek());
    onClick(event);
  };
  return html`
    <a class="card ${matches(hit, alikeFrom) ? "" : "weak"}" href=${href} onClick=${opened} ...${handlers}
      data-moment="${video.id} ${start}">
      <span class="picture">
        <${Picture} url=${hit.thumbnail_url} />
        ${playing && !siteOf(hit.video.uri) && html`<${Preview} url=${hit.play_url} start=${start} end=${end} />`}
        <span class="span">${hit.start_at ? clock(hit.start_at, locale()) : between(start, end)}</span>
      </span>
      <span class="caption">
        <span class="title" dir="auto" title=${video.title}><${Name} text=${shorten(video.title, LONGEST)} /></span>
        ${hit.steps && html`<${Steps} steps=${hit.steps} />`}
        <${Said} hit=${hit} />
        ${hit.segment_tags && html`<${Marks} tags=${hit.segment_tags} />`}
        <${Fit} hit=${hit} alikeFrom=${alikeFrom} />
      </span>
    </a>
    <a class="alike" title=${t("alike")} aria-label=${alike} ...${link(toLike(video.id, hit.best_time))}>
      <${Icon} name="alike" /></a>
    ${first && more > 0 && html`
      <button class="fold" type="button" aria-expanded=${String(unfolded)} onClick=${() => toggle(group)}>
        ${unfolded ? t(`fewer_${kind}`) : t(`more_${kind}`, { count: more })}
      </button>
    `}
  `;
}

/**
 * How well a moment fits, in words: its relevance or, if no sentence was asked for, its likeness.
 * @param {import("../types.js").Hit} hit
 * @param {number | null} alikeFrom
 * @returns {{word: "sure" | "likely" | "maybe" | "weak", share: number, text: string}}
 */
export function fit(hit, alikeFrom) {
  if (hit.relevance === null) {
    const isAlike = matches(hit, alikeFrom);
    const score = numbers(locale(), { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(hit.score);
    return { word: isAlike ? "sure" : "weak", share: hit.score, text: t(isAlike ? "looksAlike" : "lessAlike", { score }) };
  }
  const word = level(hit.relevance);
  const text = t("relevance", { word: t(`level_${word}`), percent: percent(hit.relevance, locale()) });
  return { word, share: hit.relevance, text };
}

/**
 * What is said in a moment, with the words that were asked for marked. Text nodes only.
 * @param {{hit: import("../types.js").Hit}} props
 */
function Said({ hit }) {
  const found = said(hit);
  return found && html`<${Words} found=${found} />`;
}

/** @param {{found: import("../said.js").Words}} props */
export function Words({ found }) {
  return html`
    <q class="said" dir="auto" title=${t(`says_${found.field}`, { text: found.text })}>
      ${pieces(found).map(({ text, marked }) => (marked ? html`<mark>${text}</mark>` : text))}</q>
  `;
}

/**
 * When each moment of a sequence is.
 * @param {{steps: import("../types.js").HitStep[]}} props
 */
const Steps = ({ steps }) => html`
  <span class="steps">${steps.map(({ start, end }, place) => html`
    <span key=${place}>${place > 0 && `${t("then")} `}${between(start, end)} </span>`)}</span>
`;

/**
 * The tags on spans that a moment overlaps, each once: how sure the rule is, or that people have said so.
 * @param {{tags: import("../types.js").SegmentTag[]}} props
 */
const Marks = ({ tags }) => html`
  <span class="marks">${tags.filter(({ tag }, place) => tags.findIndex((each) => each.tag === tag) === place).map((each) => html`
    <bdi key=${each.tag} class=${each.state}
      title=${t(`mark_${each.state}`, { percent: percent(each.relevance, locale()) })}>${each.tag}</bdi>`)}</span>
`;

/** @param {{hit: import("../types.js").Hit, alikeFrom: number | null}} props */
function Fit({ hit, alikeFrom }) {
  const { word, share, text } = fit(hit, alikeFrom);
  return html`
    <span class="relevance ${word}">
      <span class="bar" aria-hidden="true"><i style=${{ width: `${Math.max(2, share * 100)}%` }}></i></span>
      <span>${text}</span>
    </span>
  `;
}

/** @param {{url: string}} props */
export const Picture = ({ url }) => html`
  <img src=${url} alt="" loading="lazy" decoding="async"
    onError=${(/** @type {any} */ event) => event.target.classList.add("missing")} />
`;
