// A part of the page whose modules are loaded when it is shown first.

import { said } from "../api.js";
import { t } from "../language.js";
import { html, useEffect, useState } from "../vendor/preact.js";

/** @param {{load: () => Promise<any>, [more: string]: any}} props `load` imports a module; its `default` is drawn */
export function Later({ load, ...props }) {
  const [found, find] = useState(/** @type {any} */ (null));
  const [reason, refuse] = useState("");
  useEffect(() => {
    let mine = true;
    load().then((module) => mine && find(() => module.default))
      .catch((error) => mine && refuse(error instanceof TypeError ? t("serverAway") : said(error)));
    return () => { mine = false; };
  }, []);
  if (reason) return html`<p class="reason" role="alert">${reason}</p>`;
  return found ? html`<${found} ...${props} />` : html`<p class="status" role="status">${t("loading")}</p>`;
}
