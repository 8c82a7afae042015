// The filters of a search, folded until they are wanted.

import { ask, parameters } from "../api.js";
import { percent } from "../format.js";
import { useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { here } from "../library.js";
import { go, route } from "../navigation.js";
import { NO_FILTERS } from "../routes.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Icon } from "./icons.js";

const LOOKED_AT = 200; // videos whose tags and folders are offered

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

/**
 * The folders of videos, and those that several of them are in together, by name.
 * @param {import("../types.js").Video[]} videos
 */
export function foldersOf(videos) {
  const paths = [...new Set(videos.map(({ uri }) => uri.slice(0, Math.max(0, uri.lastIndexOf("/")))))];
  const shared = paths.length ? paths.reduce((one, other) => {
    const [mine, theirs] = [one.split("/"), other.split("/")];
    const end = mine.findIndex((name, place) => name !== theirs[place]);
    return mine.slice(0, end < 0 ? undefined : end).join("/");
  }) : "";
  /** @type {Set<string>} */
  const folders = new Set();
  for (let path of paths) {
    while (path.length >= shared.length && path) {
      folders.add(path);
      path = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    }
  }
  return [...folders].sort();
}

export function Filters() {
  const { tags, least, folder, shortest, longest, since, until, order, grouped } = useValue(route);
  const on = tags.length + [least, folder, shortest, longest, since, until].filter(Boolean).length;
  const [unfolded, unfold] = useState(on > 0);
  return html`
    <div class="tools">
      <button class="plain" type="button" aria-expanded=${String(unfolded)} onClick=${() => unfold(!unfolded)}>
        <${Icon} name="filter" /> ${on ? t("filtersOn", { count: on }) : t("filters")}
      </button>
      ${on > 0 && html`
        <button class="plain" type="button" onClick=${() => go({ ...NO_FILTERS, open: null })}>
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
          <option value="date" selected=${order === "date"}>${t("orderDate")}</option>
        </select>
      </label>
    </div>
    ${unfolded && html`<${Chosen} />`}
  `;
}

function Chosen() {
  const { tags, least, query, folder, shortest, longest, since, until } = useValue(route);
  const collection = useValue(here);
  const [videos, know] = useState(/** @type {import("../types.js").Video[] | null} */ (null));
  useEffect(() => {
    let mine = true;
    ask(`v1/videos${parameters({ collection, limit: LOOKED_AT })}`)
      .then((page) => mine && know(page.videos))
      .catch(() => mine && know([])); // the search itself says what is wrong
    return () => { mine = false; };
  }, [collection]);
  return html`
    <div class="filters">
      ${query && html`<${Relevance} least=${least} />`}
      <label class="range"><span>${t("filterFolder")}</span>
        <input id="folder" class="wide" list="folders" value=${folder} placeholder=${t("filterAny")} dir="auto"
          onChange=${(/** @type {any} */ event) => go({ folder: event.target.value.trim(), open: null })} />
        <datalist id="folders">${foldersOf(videos ?? []).map((each) => html`<option key=${each} value=${each} />`)}</datalist>
      </label>
      <div class="range" role="group" aria-label=${t("filterLength")}>
        <span>${t("filterLength")}</span>
        <${Bound} id="shortest" kind="number" name=${t("filterFrom")} value=${shortest || ""}
          chosen=${(/** @type {string} */ text) => go({ shortest: Math.max(0, Number(text)), open: null })} />
        <${Bound} id="longest" kind="number" name=${t("filterTo")} value=${longest || ""}
          chosen=${(/** @type {string} */ text) => go({ longest: Math.max(0, Number(text)), open: null })} />
      </div>
      <div class="range" role="group" aria-label=${t("filterIndexed")}>
        <span>${t("filterIndexed")}</span>
        <${Bound} id="since" kind="date" name=${t("filterFrom")} value=${since}
          chosen=${(/** @type {string} */ text) => go({ since: text, open: null })} />
        <${Bound} id="until" kind="date" name=${t("filterTo")} value=${until}
          chosen=${(/** @type {string} */ text) => go({ until: text, open: null })} />
      </div>
      <${Tags} chosen=${tags} known=${videos && tagsOf(videos)} />
    </div>
  `;
}

/** @param {{id: string, kind: string, name: string, value: string | number, chosen: (text: string) => void}} props */
const Bound = ({ id, kind, name, value, chosen }) => html`
  <label>${name}
    <input id=${id} type=${kind} min=${kind === "number" ? "0" : undefined} step=${kind === "number" ? "any" : undefined}
      value=${value} onChange=${(/** @type {any} */ event) => chosen(event.target.value)} /></label>
`;

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

/** @param {{chosen: string[], known: string[] | null}} props */
function Tags({ chosen, known }) {
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
