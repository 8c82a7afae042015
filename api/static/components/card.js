// One moment: its picture, which plays while somebody points at it, its time, name and relevance.

import { between, level, percent, shorten } from "../format.js";
import { locale, t } from "../language.js";
import { link } from "../navigation.js";
import { remember } from "../recent.js";
import { html } from "../vendor/preact.js";
import { Preview, usePreview } from "./preview.js";

const LONGEST = 58; // characters of a title

/**
 * @param {import("../hits.js").Shown & {unfolded: boolean, toggle: (video: string) => void}} props
 */
export function Card({ hit, more, first, unfolded, toggle }) {
  const { video, start, end, relevance } = hit;
  const [playing, handlers] = usePreview(`${video.id} ${start}`);
  const { href, onClick } = link({ open: { video: video.id, start, end } });
  const word = level(relevance);
  /** @param {MouseEvent} event */
  const opened = (event) => {
    remember(new URLSearchParams(location.search).get("q") ?? "");
    onClick(event);
  };
  return html`
    <a class="card ${word}" href=${href} onClick=${opened} ...${handlers}
      data-moment="${video.id} ${start}">
      <span class="picture">
        <${Picture} url=${hit.thumbnail_url} />
        ${playing && html`<${Preview} url=${hit.play_url} start=${start} end=${end} />`}
        <span class="span">${between(start, end)}</span>
      </span>
      <span class="caption">
        <span class="title" dir="auto" title=${video.title}>${shorten(video.title, LONGEST)}</span>
        <${Relevance} relevance=${relevance} />
      </span>
    </a>
    ${first && more > 0 && html`
      <button class="fold" type="button" aria-expanded=${String(unfolded)} onClick=${() => toggle(video.id)}>
        ${unfolded ? t("fewerInVideo") : t("moreInVideo", { count: more })}
      </button>
    `}
  `;
}

/** @param {{relevance: number}} props */
export function Relevance({ relevance }) {
  const word = level(relevance);
  return html`
    <span class="relevance ${word}">
      <span class="bar" aria-hidden="true"><i style=${{ width: `${Math.max(2, relevance * 100)}%` }}></i></span>
      <span>${t("relevance", { word: t(`level_${word}`), percent: percent(relevance, locale()) })}</span>
    </span>
  `;
}

/** @param {{url: string}} props */
export const Picture = ({ url }) => html`
  <img src=${url} alt="" loading="lazy" decoding="async"
    onError=${(/** @type {any} */ event) => event.target.classList.add("missing")} />
`;
