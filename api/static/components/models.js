// The models of the server, and the switch of a collection from one to another: for admins.

import { ask, problemIn } from "../api.js";
import { numbers } from "../format.js";
import { useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { libraries } from "../library.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Name } from "./name.js";
import { Switch } from "./switch.js";

export function Models() {
  const known = useValue(libraries);
  const [models, set] = useState(/** @type {import("../types.js").Model[]} */ ([]));
  const versions = known?.collections.map(({ name, model }) => `${name} ${model}`).join();
  useEffect(() => {
    const look = async () => {
      try {
        set((await ask("v1/models")).models);
      } catch (error) {
        problemIn(error); // Somebody who may not see models sees none.
      }
    };
    look();
  }, [versions]);
  if (!models.length) return null;
  const installedFirst = [...models].sort((one, other) => Number(other.installed) - Number(one.installed));
  const installed = models.filter((model) => model.installed).map(({ name }) => name);
  return html`
    <h2>${t("models")}</h2>
    <div class="table" tabindex="0" role="region" aria-label=${t("models")}>
      <table id="models" class="stacked">
        <thead><tr>
          <th scope="col">${t("statusModel")}</th><th scope="col">${t("modelPrecision")}</th>
          <th scope="col" class="number">${t("modelSpeed")}</th>
          <th scope="col" class="number">${t("modelOverlap")}</th>
          <th scope="col">${t("modelLicence")}</th><th scope="col">${t("modelHere")}</th>
        </tr></thead>
        <tbody>${installedFirst.map((model) => html`<${Row} key=${model.name} model=${model} />`)}</tbody>
      </table>
    </div>
    ${known?.collections.map(({ name }) => html`<${Switch} key=${name} collection=${name} installed=${installed} />`)}
  `;
}

/** @param {{model: import("../types.js").Model}} props */
function Row({ model }) {
  const { name, precision, measured, licence, installed } = model;
  const number = numbers(locale(), { maximumFractionDigits: 1 });
  const share = numbers(locale(), { style: "percent", maximumFractionDigits: 1 });
  return html`
    <tr>
      <th scope="row"><${Name} text=${name} /></th>
      <td data-name=${t("modelPrecision")}>${precision}</td>
      <td class=${measured ? "number" : "number none"} data-name=${t("modelSpeed")}>${measured ? `× ${number.format(measured.speedup)}` : "–"}</td>
      <td class=${measured ? "number" : "number none"} data-name=${t("modelOverlap")}>${measured ? share.format(measured.overlap) : "–"}</td>
      <td data-name=${t("modelLicence")}>${licence}</td>
      <td data-name=${t("modelHere")}>${installed ? t("modelInstalled") : t("modelMissing")}</td>
    </tr>
  `;
}
