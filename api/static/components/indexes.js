// What the server searches: of each collection the moments, how current, how complete and how exact.

import { date, numbers, roughly } from "../format.js";
import { locale, t } from "../language.js";
import { html } from "../vendor/preact.js";

const FRESH_S = 5; // a server looks for news each second

/** @param {{collections: import("../types.js").Collection[]}} props */
export function Indexes({ collections }) {
  const opened = collections.flatMap(({ index, ...collection }) => (index ? [{ ...collection, index }] : []));
  if (!opened.length) return null;
  return html`
    <h2>${t("indexes")}</h2>
    <div class="table" tabindex="0" role="region" aria-label=${t("indexes")}>
      <table id="indexes" class="stacked">
        <thead><tr>
          <th scope="col">${t("statusName")}</th>
          <th scope="col" class="number">${t("statusSegments")}</th>
          <th scope="col">${t("indexRecall")}</th><th scope="col">${t("indexPublished")}</th>
          <th scope="col" class="number">${t("indexBeside")}</th><th scope="col">${t("indexFreshness")}</th>
        </tr></thead>
        <tbody>${opened.map((each) => html`<${Row} key=${each.name} ...${each} />`)}</tbody>
      </table>
    </div>
  `;
}

/** @param {{name: string, version: number, index: import("../types.js").Index}} props */
function Row({ name, version, index }) {
  const number = numbers(locale());
  const behind = index.version === version ? "" : ` · ${t("indexBehind", { version: index.version, newest: version })}`;
  return html`
    <tr>
      <th scope="row">${name}</th>
      <td class="number" data-name=${t("statusSegments")}>${number.format(index.segments)}</td>
      <td data-name=${t("indexRecall")}>${recallOf(index)}</td>
      <td data-name=${t("indexPublished")}>${index.published_at ? date(index.published_at, locale()) : t("indexUnpublished")}</td>
      <td class="number" data-name=${t("indexBeside")}>${number.format(index.beside)}</td>
      <td data-name=${t("indexFreshness")}>${index.age_seconds < FRESH_S ? t("indexFresh") : t("indexAge", { age: roughly(index.age_seconds, locale()) })}${behind}</td>
    </tr>
  `;
}

/** @param {import("../types.js").Index} index */
function recallOf({ exact, recall, compared: count }) {
  if (exact) return t("indexExact");
  if (recall === null || recall === undefined) return t("indexUnmeasured");
  const share = numbers(locale(), { style: "percent", maximumFractionDigits: 1 }).format(recall);
  return t("indexRecallOf", { share, count });
}
