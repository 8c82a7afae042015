// What the videos of the present search are counted by, to choose among it.

import { useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { go, route } from "../navigation.js";
import { search } from "../searching.js";
import { html } from "../vendor/preact.js";

const SHOWN = 12; // folders, years and languages

/** @typedef {import("../types.js").ValueCount} ValueCount */

/** @typedef {"tag" | "folder" | "year" | "language" | "segment_tag"} Kind */

/**
 * @param {Kind} kind
 * @param {string[]} chosen those that are there without a video, too
 * @param {ValueCount[]} counted
 * @returns {{value: string, videos: number | null}[]} with the number of videos, if there is any
 */
function valuesOf(kind, chosen, counted) {
  const known = counted.map(({ value }) => value);
  const rest = chosen.filter((value) => !known.includes(value)).map((value) => ({ value, videos: null }));
  const some = kind === "tag" || kind === "segment_tag" ? counted : counted.slice(0, SHOWN);
  return [...rest, ...(kind === "year" ? [...some].sort((a, b) => b.value.localeCompare(a.value)) : some)];
}

/** @param {Kind} kind */
function useCounts(kind) {
  const { answer } = useValue(search);
  return answer?.facets?.[kind]?.values ?? [];
}

/** Folders, years and languages of the videos that match. */
export function Facets() {
  const { folder, recordedSince, recordedUntil, language } = useValue(route);
  const year = yearOf(recordedSince, recordedUntil);
  return html`
    <${Row} kind="folder" chosen=${folder} shown=${lastOf}
      choose=${(/** @type {string} */ folder) => ({ folder })} />
    <${Row} kind="year" chosen=${year} shown=${(/** @type {string} */ value) => value}
      choose=${(/** @type {string} */ value) => ({
        recordedSince: value && `${value}-01-01`, recordedUntil: value && `${value}-12-31`,
      })} />
    <${Row} kind="language" chosen=${language} shown=${named}
      choose=${(/** @type {string} */ language) => ({ language })} />
  `;
}

/**
 * @param {object} props
 * @param {"folder" | "year" | "language"} props.kind
 * @param {string} props.chosen
 * @param {(value: string) => string} props.shown
 * @param {(value: string) => Partial<import("../routes.js").Route>} props.choose
 */
function Row({ kind, chosen, shown, choose }) {
  const { answer } = useValue(search);
  // A folder that all videos are in leaves none out.
  const counts = useCounts(kind).filter(({ value, videos }) => kind !== "folder" || value === chosen || videos !== answer?.total_videos);
  const values = valuesOf(kind, chosen ? [chosen] : [], counts);
  if (!values.length) return null;
  return html`
    <fieldset class="tags" id=${`facet-${kind}`}>
      <legend>${t(`facet_${kind}`)}</legend>
      ${values.map(({ value, videos }) => html`
        <${Chip} key=${value} label=${shown(value)} title=${value} videos=${videos} pressed=${value === chosen}
          press=${() => go({ ...choose(value === chosen ? "" : value), open: null })} />
      `)}
    </fieldset>
  `;
}

/**
 * @param {object} props
 * @param {string[]} props.chosen
 * @param {string[] | null} props.known tags of all videos, the most used first; null while they are awaited
 * @param {string} [props.more] what is said if there are more
 */
export function Tags({ chosen, known, more }) {
  const counted = useCounts("tag");
  const values = valuesOf("tag", chosen, counted);
  const there = values.map(({ value }) => value);
  const others = (known ?? []).filter((tag) => !there.includes(tag)).map((value) => ({ value, videos: null }));
  /** @param {string} tag */
  const toggle = (tag) =>
    go({ tags: chosen.includes(tag) ? chosen.filter((each) => each !== tag) : [...chosen, tag], open: null });
  return html`
    <fieldset class="tags" id="facet-tag">
      <legend>${t("filterTags")}</legend>
      ${known && !values.length && !others.length && html`<p class="quiet">${t("filterNoTags")}</p>`}
      ${[...values, ...others].map(({ value, videos }) => html`
        <${Chip} key=${value} label=${value} videos=${videos} pressed=${chosen.includes(value)} press=${() => toggle(value)} />
      `)}
      ${more && html`<p class="quiet">${more}</p>`}
    </fieldset>
  `;
}

/**
 * The tags on spans, if there are any: only moments that overlap them are found. The counts are of what a search has
 * found, and before that of all videos.
 * @param {{chosen: string[], known: {tag: string, videos: number}[], more: string}} props
 */
export function Marks({ chosen, known, more }) {
  const { answer } = useValue(search);
  const all = known.map(({ tag, videos }) => ({ value: tag, videos }));
  const values = valuesOf("segment_tag", chosen, answer?.facets?.segment_tag?.values ?? all);
  const others = all.filter(({ value }) => !values.some((each) => each.value === value));
  if (!values.length && !others.length) return null;
  /** @param {string} tag */
  const toggle = (tag) =>
    go({ marks: chosen.includes(tag) ? chosen.filter((each) => each !== tag) : [...chosen, tag], open: null });
  return html`
    <fieldset class="tags" id="marks">
      <legend>${t("filterMarks")}</legend>
      ${[...values, ...others.map(({ value }) => ({ value, videos: null }))].map(({ value, videos }) => html`
        <${Chip} key=${value} label=${value} videos=${videos} pressed=${chosen.includes(value)} press=${() => toggle(value)} />
      `)}
      ${more && html`<p class="quiet">${more}</p>`}
    </fieldset>
  `;
}

/** @param {{label: string, title?: string, videos: number | null, pressed: boolean, press: () => void}} props */
function Chip({ label, title, videos, pressed, press }) {
  const many = videos === null ? "" : t("facetVideos", { count: videos });
  return html`
    <button class=${videos === null ? "chip none" : "chip"} type="button" title=${title} aria-pressed=${String(pressed)} onClick=${press}>
      <bdi>${label}</bdi>
      ${videos !== null && html` <span class="count" aria-hidden="true">${videos}</span><span class="hidden">, ${many}</span>`}
    </button>
  `;
}

/** @param {string} folder */
const lastOf = (folder) => folder.split("/").filter(Boolean).at(-1) ?? folder;

/**
 * The year that two days begin and end, or "".
 * @param {string} since
 * @param {string} until
 */
function yearOf(since, until) {
  const year = since.slice(0, 4);
  return since === `${year}-01-01` && until === `${year}-12-31` ? year : "";
}

/** @param {string} code of a language */
function named(code) {
  try {
    return new Intl.DisplayNames([locale()], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
