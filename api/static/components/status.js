// What the server has: its collections with their models, versions and sizes.

import { numbers, roughly } from "../format.js";
import { useLook, useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { libraries, look } from "../library.js";
import { html } from "../vendor/preact.js";
import { History } from "./history.js";
import { Indexes } from "./indexes.js";
import { Jobs } from "./jobs.js";
import { Models } from "./models.js";
import { Name } from "./name.js";
import { Notice } from "./notice.js";
import { Traffic } from "./traffic.js";

const LOOK_MS = 30_000;

export function Status() {
  const known = useValue(libraries);
  useLook(look, LOOK_MS);
  const number = numbers(locale());
  return html`
    <div class="status-view">
      <div class="page-head"><h1>${t("statusHead")}</h1></div>
      ${known?.problem && html`<${Notice} problem=${known.problem} retry=${look} />`}
      ${known && html`
        <div class="table" tabindex="0" role="region" aria-label=${t("statusHead")}>
          <table class="stacked">
            <thead><tr>
              <th scope="col">${t("statusName")}</th><th scope="col">${t("statusModel")}</th>
              <th scope="col" class="number">${t("statusVideos")}</th>
              <th scope="col" class="number">${t("statusSegments")}</th>
              <th scope="col" class="number">${t("statusLength")}</th>
              <th scope="col" class="number">${t("statusVersion")}</th>
            </tr></thead>
            <tbody>
              ${known.collections.map((each) => html`
                <tr key=${each.name}>
                  <th scope="row"><${Name} text=${each.name} /> ${each.name === known.default && each.name !== "default" && html`<span class="quiet">(${t("statusDefault")})</span>`}</th>
                  <td data-name=${t("statusModel")}><${Name} text=${each.model} /></td>
                  <td class="number" data-name=${t("statusVideos")}>${number.format(each.videos)}</td>
                  <td class="number" data-name=${t("statusSegments")}>${number.format(each.segments)}</td>
                  <td class="number" data-name=${t("statusLength")}>${roughly(each.seconds, locale())}</td>
                  <td class="number" data-name=${t("statusVersion")}>${number.format(each.version)}</td>
                </tr>
              `)}
            </tbody>
          </table>
        </div>
        <${Indexes} collections=${known.collections} />
      `}
      <${Traffic} />
      <${Jobs} />
      <${Models} />
      <${History} />
    </div>
  `;
}
