// The filters of a search, folded until they are wanted.

import { ask, parameters, problemIn } from "../api.js";
import { hasWords, isSeen } from "../composed.js";
import { percent } from "../format.js";
import { useDraft, useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { go, route } from "../navigation.js";
import { canSharpen, FIELDS, fieldsOf } from "../question.js";
import { NO_FILTERS } from "../routes.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Facets, Marks, Tags } from "./facets.js";
import { Icon } from "./icons.js";

const HEIGHTS = [480, 720, 1080, 2160]; // pixels
const OFFERED = 100;
const LONGEST_TITLE = 1000; // characters
const PAUSE_MS = 200; // after a letter, before folders are asked for
/** @type {import("../types.js").Facets} */
const NO_FACETS = { folders: [], more_folders: false, tags: [], more_tags: false, segment_tags: [], more_segment_tags: false };

/** @param {{children?: any}} props what else can be opened under the box */
export function Filters({ children }) {
  const now = useValue(route);
  const { order, grouped } = now;
  const on = countOf(now);
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

/**
 * How many filters are on.
 * @param {import("../routes.js").Route} now
 */
const countOf = (now) => now.tags.length + now.marks.length + now.cameras.length + [
  now.least && !isSeen(now), now.folder, now.title, now.shortest, now.longest, now.since, now.until,
  now.recordedSince || now.recordedUntil, now.lowest, now.highest, now.language, fieldsOf(now).length,
  now.sharpen && canSharpen(now),
].filter(Boolean).length;

function Chosen() {
  const now = useValue(route);
  const { tags, least, collection, folder, title, shortest, longest, since, until, recordedSince, recordedUntil } = now;
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
      ${!isSeen(now) && html`<${Relevance} least=${least} />`}
      ${hasWords(now) && html`<${Fields} now=${now} />`}
      ${canSharpen(now) && html`
        <label class="check"><input id="sharpen" type="checkbox" checked=${now.sharpen}
          onChange=${() => go({ sharpen: !now.sharpen, open: null })} /> ${t("sharpen")}</label>`}
      <${Folder} collection=${collection} folder=${folder} first=${facets ?? NO_FACETS} />
      <label class="range"><span>${t("filterTitle")}</span>
        <${Field} id="title" kind="text" value=${title} isWide
          chosen=${(/** @type {string} */ text) => go({ title: text.trim(), open: null })} /></label>
      <div class="range" role="group" aria-label=${t("filterLength")}>
        <span>${t("filterLength")}</span>
        <${Bound} id="shortest" kind="number" name=${t("filterFrom")} value=${shortest || ""}
          chosen=${(/** @type {string} */ text) => go({ shortest: Math.max(0, Number(text)), open: null })} />
        <${Bound} id="longest" kind="number" name=${t("filterTo")} value=${longest || ""}
          chosen=${(/** @type {string} */ text) => go({ longest: Math.max(0, Number(text)), open: null })} />
      </div>
      <div class="range" role="group" aria-label=${t("filterHeight")}>
        <span>${t("filterHeight")}</span>
        <${Height} id="lowest" name=${t("filterFrom")} height=${now.lowest}
          chosen=${(/** @type {number} */ lowest) => go({ lowest, open: null })} />
        <${Height} id="highest" name=${t("filterTo")} height=${now.highest}
          chosen=${(/** @type {number} */ highest) => go({ highest, open: null })} />
      </div>
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
      <${Cameras} chosen=${now.cameras} />
      <${Facets} />
      <${Tags} chosen=${tags} known=${facets && facets.tags.map(({ tag }) => tag)}
        more=${facets?.more_tags ? t("filterMoreTags", { count: OFFERED }) : ""} />
      <${Marks} chosen=${now.marks} known=${facets ? facets.segment_tags : []}
        more=${facets?.more_segment_tags ? t("filterMoreTags", { count: OFFERED }) : ""} />
    </div>
  `;
}

/**
 * The cameras, if there are any: only their recordings are searched.
 * @param {{chosen: string[]}} props
 */
function Cameras({ chosen }) {
  const [names, know] = useState(/** @type {string[]} */ ([]));
  useEffect(() => {
    ask("v1/cameras").then((found) => know(found.cameras.map((/** @type {{name: string}} */ { name }) => name))).catch(problemIn);
  }, []);
  const all = [...new Set([...chosen, ...names])];
  if (!all.length) return null;
  /** @param {string} name */
  const toggle = (name) =>
    go({ cameras: chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name], open: null });
  return html`
    <fieldset class="tags" id="cameras"><legend>${t("onlyCameras")}</legend>
      ${all.map((name) => html`<button key=${name} class="chip" type="button"
        aria-pressed=${String(chosen.includes(name))} onClick=${() => toggle(name)}>${name}</button>`)}
    </fieldset>
  `;
}

/**
 * Where sentences are searched: everywhere, unless something is chosen.
 * @param {{now: import("../routes.js").Route}} props
 */
function Fields({ now }) {
  const { fields } = now;
  const asked = fieldsOf(now);
  const isForced = asked.length > fields.length;
  /** @param {(typeof FIELDS)[number]} field */
  const toggle = (field) =>
    go({ fields: FIELDS.filter((each) => (each === field) !== fields.includes(each)), open: null });
  return html`
    <fieldset class="tags" id="fields">
      <legend>${t("filterFields")}</legend>
      ${FIELDS.map((field) => html`
        <button key=${field} class="chip" type="button" aria-pressed=${String(asked.includes(field))}
          onClick=${() => toggle(field)}>${t(`field_${field}`)}</button>`)}
      ${isForced && html`<p class="quiet">${t("fieldsPicture")}</p>`}
    </fieldset>
  `;
}

/** @param {{id: string, kind: string, name: string, value: string | number, chosen: (text: string) => void}} props */
const Bound = ({ name, ...field }) => html`<label>${name} <${Field} ...${field} /></label>`;

/** @param {{id: string, kind: string, value: string | number, isWide?: boolean, chosen: (text: string) => void}} props */
function Field({ id, kind, value, isWide = false, chosen }) {
  const [typed, type] = useDraft(value);
  /** @param {any} event */
  const choose = (event) => {
    type(value); // shown if the address does not take what was typed
    chosen(event.target.value);
  };
  return html`
    <input id=${id} class=${isWide ? "wide" : ""} type=${kind} dir=${kind === "text" ? "auto" : undefined}
      placeholder=${kind === "text" ? t("filterAny") : undefined} maxlength=${kind === "text" ? LONGEST_TITLE : undefined}
      min=${kind === "number" ? "0" : undefined} step=${kind === "number" ? "any" : undefined}
      value=${typed} onInput=${(/** @type {any} */ event) => type(event.target.value)} onChange=${choose} />
  `;
}

/** @param {{id: string, name: string, height: number, chosen: (height: number) => void}} props */
function Height({ id, name, height, chosen }) {
  const heights = [...new Set([...HEIGHTS, ...(height ? [height] : [])])].sort((a, b) => a - b);
  return html`
    <label>${name}
      <select id=${id} onChange=${(/** @type {any} */ event) => chosen(Number(event.target.value))}>
        <option value="0" selected=${!height}>${t("filterAny")}</option>
        ${heights.map((each) => html`<option key=${each} value=${each} selected=${each === height}>${String(each)}</option>`)}
      </select></label>
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
