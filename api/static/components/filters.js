// The filters of a search, folded until they are wanted: relevance and tags.

import { ask, parameters } from "../api.js";
import { percent } from "../format.js";
import { useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { here } from "../library.js";
import { go, route } from "../navigation.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Icon } from "./icons.js";

const LOOKED_AT = 200; // videos whose tags are offered

/**
 * The tags of the videos of a collection, most used first.
 * @param {import("../types.js").Video[]} videos
 */
export function tagsOf(videos) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const tag of videos.flatMap((video) => video.tags)) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return [...counts.keys()].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || a.localeCompare(b));
}

export function Filters() {
  const { tags, least, order, grouped } = useValue(route);
  const on = tags.length + (least ? 1 : 0);
  const [unfolded, unfold] = useState(on > 0);
  return html`
    <div class="tools">
      <button class="plain" type="button" aria-expanded=${String(unfolded)} onClick=${() => unfold(!unfolded)}>
        <${Icon} name="filter" /> ${on ? t("filtersOn", { count: on }) : t("filters")}
      </button>
      ${on > 0 && html`
        <button class="plain" type="button" onClick=${() => go({ tags: [], least: 0, open: null })}>
          <${Icon} name="close" /> ${t("filterClear")}
        </button>
      `}
      <span class="gap"></span>
      <label class="check">
        <input id="grouped" type="checkbox" checked=${grouped}
          onChange=${() => go({ grouped: !grouped, open: null }, { replace: true })} />
        ${t("grouped")}
      </label>
      <label>
        <span class="hidden">${t("order")}</span>
        <select id="order" onChange=${(/** @type {any} */ event) => go({ order: event.target.value }, { replace: true })}>
          <option value="best" selected=${order === "best"}>${t("orderBest")}</option>
          <option value="time" selected=${order === "time"}>${t("orderTime")}</option>
        </select>
      </label>
    </div>
    ${unfolded && html`
      <div class="filters">
        <${Relevance} least=${least} />
        <${Tags} chosen=${tags} />
      </div>
    `}
  `;
}

/** @param {{least: number}} props */
function Relevance({ least }) {
  const [shown, show] = useState(least);
  useEffect(() => show(least), [least]);
  return html`
    <label class="slider">
      <span>${t("filterRelevance")}</span>
      <input id="least" type="range" min="0" max="0.95" step="0.05" value=${shown}
        aria-valuetext=${shown ? percent(shown, locale()) : t("filterAny")}
        onInput=${(/** @type {any} */ event) => show(Number(event.target.value))}
        onChange=${(/** @type {any} */ event) => go({ least: Number(event.target.value), open: null })} />
      <output>${shown ? percent(shown, locale()) : t("filterAny")}</output>
    </label>
  `;
}

/** @param {{chosen: string[]}} props */
function Tags({ chosen }) {
  const collection = useValue(here);
  const [known, know] = useState(/** @type {string[] | null} */ (null));
  useEffect(() => {
    let mine = true;
    ask(`v1/videos${parameters({ collection, limit: LOOKED_AT })}`)
      .then(({ videos }) => mine && know(tagsOf(videos)))
      .catch(() => mine && know([])); // the search itself says what is wrong
    return () => { mine = false; };
  }, [collection]);
  const all = [...new Set([...chosen, ...(known ?? [])])];
  /** @param {string} tag */
  const toggle = (tag) =>
    go({ tags: chosen.includes(tag) ? chosen.filter((each) => each !== tag) : [...chosen, tag], open: null });
  return html`
    <fieldset class="tags">
      <legend>${t("filterTags")}</legend>
      ${known && !all.length && html`<p class="quiet">${t("filterNoTags")}</p>`}
      ${all.map((tag) => html`
        <button key=${tag} class="chip" type="button" dir="auto" aria-pressed=${String(chosen.includes(tag))}
          onClick=${() => toggle(tag)}>${tag}</button>
      `)}
    </fieldset>
  `;
}
