// The filters of a search, folded until they are wanted.

import { ask, parameters, problemIn } from "../api.js";
import { isSeen } from "../composed.js";
import { percent } from "../format.js";
import { useDraft, useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { go, route } from "../navigation.js";
import { NO_FILTERS } from "../routes.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Facets, Tags } from "./facets.js";
import { Icon } from "./icons.js";

const HEIGHTS = [480, 720, 1080, 2160]; // pixels
const OFFERED = 100;
const PAUSE_MS = 200; // after a letter, before folders are asked for
/** @type {import("../types.js").Facets} */
const NO_FACETS = { folders: [], more_folders: false, tags: [], more_tags: false };

/** @param {{children?: any}} props what else can be opened under the box */
export function Filters({ children }) {
  const now = useValue(route);
  const { tags, least, folder, shortest, longest, since, until, order, grouped } = now;
  const on = tags.length + [least, folder, shortest, longest, since, until, now.recordedSince || now.recordedUntil, now.lowest, now.language].filter(Boolean).length;
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
      ${children}
      <span class="gap"></span>
      <span class="arranged">
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
      </span>
    </div>
    ${unfolded && html`<${Chosen} />`}
  `;
}

function Chosen() {
  const { tags, least, parts, collection, folder, shortest, longest, since, until, recordedSince, recordedUntil, lowest } = useValue(route);
  const [facets, know] = useState(/** @type {import("../types.js").Facets | null} */ (null));
  useEffect(() => {
    let mine = true;
    ask(`v1/facets${parameters({ collection, limit: OFFERED })}`)
      .then((found) => mine && know(found))
      .catch(() => mine && know(NO_FACETS)); // the search itself says what is wrong
    return () => { mine = false; };
  }, [collection]);
  return html`
    <div class="filters">
      ${!isSeen({ parts }) && html`<${Relevance} least=${least} />`}
      <${Folder} collection=${collection} folder=${folder} first=${facets ?? NO_FACETS} />
      <div class="range" role="group" aria-label=${t("filterLength")}>
        <span>${t("filterLength")}</span>
        <${Bound} id="shortest" kind="number" name=${t("filterFrom")} value=${shortest || ""}
          chosen=${(/** @type {string} */ text) => go({ shortest: Math.max(0, Number(text)), open: null })} />
        <${Bound} id="longest" kind="number" name=${t("filterTo")} value=${longest || ""}
          chosen=${(/** @type {string} */ text) => go({ longest: Math.max(0, Number(text)), open: null })} />
      </div>
      <${Height} lowest=${lowest} />
      <div class="range" role="group" aria-label=${t("filterRecorded")}>
        <span>${t("filterRecorded")}</span>
        <${Bound} id="recorded-since" kind="date" name=${t("filterFrom")} value=${recordedSince}
          chosen=${(/** @type {string} */ text) => go({ recordedSince: text, open: null })} />
        <${Bound} id="recorded-until" kind="date" name=${t("filterTo")} value=${recordedUntil}
          chosen=${(/** @type {string} */ text) => go({ recordedUntil: text, open: null })} />
      </div>
      <div class="range" role="group" aria-label=${t("filterIndexed")}>
        <span>${t("filterIndexed")}</span>
        <${Bound} id="since" kind="date" name=${t("filterFrom")} value=${since}
          chosen=${(/** @type {string} */ text) => go({ since: text, open: null })} />
        <${Bound} id="until" kind="date" name=${t("filterTo")} value=${until}
          chosen=${(/** @type {string} */ text) => go({ until: text, open: null })} />
      </div>
      <${Facets} />
      <${Tags} chosen=${tags} known=${facets && facets.tags.map(({ tag }) => tag)}
        more=${facets?.more_tags ? t("filterMoreTags", { count: OFFERED }) : ""} />
    </div>
  `;
}

/** @param {{id: string, kind: string, name: string, value: string | number, chosen: (text: string) => void}} props */
function Bound({ id, kind, name, value, chosen }) {
  const [typed, type] = useDraft(value);
  /** @param {any} event */
  const choose = (event) => {
    type(value); // shown if the address does not take what was typed
    chosen(event.target.value);
  };
  return html`
    <label>${name}
      <input id=${id} type=${kind} min=${kind === "number" ? "0" : undefined} step=${kind === "number" ? "any" : undefined}
        value=${typed} onInput=${(/** @type {any} */ event) => type(event.target.value)} onChange=${choose} /></label>
  `;
}

/** @param {{lowest: number}} props */
function Height({ lowest }) {
  const heights = [...new Set([...HEIGHTS, ...(lowest ? [lowest] : [])])].sort((a, b) => a - b);
  return html`
    <label class="range"><span>${t("filterHeight")}</span>
      <select id="lowest" onChange=${(/** @type {any} */ event) => go({ lowest: Number(event.target.value), open: null })}>
        <option value="0" selected=${!lowest}>${t("filterAny")}</option>
        ${heights.map((height) => html`
          <option key=${height} value=${height} selected=${height === lowest}>${t("filterPixels", { height: String(height) })}</option>
        `)}
      </select>
    </label>
  `;
}

/** @param {{least: number}} props */
function Relevance({ least }) {
  const [shown, show] = useDraft(least);
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

/** @param {{collection: string, folder: string, first: import("../types.js").Facets}} props */
function Folder({ collection, folder, first }) {
  const [typed, type] = useDraft(folder);
  /** @param {any} event */
  const choose = (event) => {
    type(folder);
    go({ folder: event.target.value.trim(), open: null });
  };
  return html`
    <label class="range"><span>${t("filterFolder")}</span>
      <input id="folder" class="wide" list="folders" value=${typed} placeholder=${t("filterAny")} dir="auto"
        onInput=${(/** @type {any} */ event) => type(event.target.value)} onChange=${choose} />
      <${Folders} key=${collection} collection=${collection} typed=${typed.trim()} first=${first} />
    </label>
  `;
}

/**
 * Folders are offered while one types: the server has too many for one list.
 * @param {{collection: string, typed: string, first: import("../types.js").Facets}} props
 */
function Folders({ collection, typed, first }) {
  const [begun, offer] = useState(/** @type {string[]} */ ([]));
  useEffect(() => {
    if (!first.more_folders || !typed) return undefined; // all of them are known
    let mine = true;
    const timer = setTimeout(() => {
      ask(`v1/facets${parameters({ collection, folder: typed, limit: OFFERED })}`)
        .then(({ folders }) => mine && offer(folders))
        .catch(problemIn);
    }, PAUSE_MS);
    return () => {
      mine = false;
      clearTimeout(timer);
    };
  }, [typed, first]);
  return html`
    <datalist id="folders">${[...new Set([...begun, ...first.folders])].map((each) => html`<option key=${each} value=${each} />`)}</datalist>
  `;
}
