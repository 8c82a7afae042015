// What went wrong, in the server's words, and what to do about it.

import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { behind } from "../library.js";
import { route } from "../navigation.js";
import { html } from "../vendor/preact.js";
import { AddButton } from "./uploads.js";

/** @param {{problem: import("../types.js").Problem, retry?: () => void}} props */
export function Notice({ problem, retry }) {
  const { title, detail, request_id: id } = problem;
  return html`
    <section id="notice" class="notice error" role="alert">
      <h2>${title ?? t("failed")}</h2>
      <p>${detail}</p>
      ${id && html`<p class="quiet">${t("request", { id })}</p>`}
      ${retry && html`<button type="button" onClick=${retry}>${t("tryAgain")}</button>`}
    </section>
  `;
}

/**
 * A word of a shell: the name of a collection comes from the address, which others may have written. Pure.
 * @param {string} word
 */
export const quoted = (word) => (/^[\w.-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Says which collection is looked at if the address names an alias, which may be moved to another one. */
export function Alias() {
  const { collection: alias } = useValue(route);
  const name = useValue(behind)?.name ?? alias;
  if (!alias || alias === name) return null;
  return html`<p id="alias" class="quiet" role="note">${t("aliasOf", { alias, name })}</p>`;
}

/** @param {{collection: string}} props */
export function Empty({ collection }) {
  const option = collection && collection !== "default" ? ` --collection ${quoted(collection)}` : "";
  return html`
    <section id="notice" class="notice">
      <h2>${t("empty")}</h2>
      <p>${t("emptyAdd")}</p>
      <p><${AddButton} /></p>
      <p>${t("emptyDetail")}</p>
      <pre tabindex="0"><code>indexer ingest ~/Videos${option}</code></pre>
    </section>
  `;
}
