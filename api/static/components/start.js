// The page before anything is asked: what it is for, what to try, the last queries, some videos.

import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { here, libraries, videos } from "../library.js";
import { go } from "../navigation.js";
import { forget, recent, remember } from "../recent.js";
import { html } from "../vendor/preact.js";
import { Empty, Notice } from "./notice.js";

export function Start() {
  const known = useValue(libraries);
  const count = useValue(videos);
  const collection = useValue(here);
  const before = useValue(recent);
  const examples = known?.collections.find(({ name }) => name === collection)?.examples ?? [];
  return html`
    <div class="claim">
      <h1>${t("claim")}</h1>
      <p class="quiet">${t("claimDetail")}</p>
    </div>
    <${Queries} id="examples" title=${t("try")} queries=${examples} />
    <${Queries} id="recent" title=${t("recent")} queries=${before}>
      <button class="plain" type="button" onClick=${forget}>${t("recentClear")}</button>
    <//>
    ${known?.problem && html`<${Notice} problem=${known.problem} />`}
    ${known && !known.problem && !count && html`<${Empty} collection=${collection} />`}
  `;
}

/** @param {{id: string, title: string, queries: string[], children?: any}} props */
function Queries({ id, title, queries, children }) {
  if (!queries.length) return null;
  /** @param {string} query */
  const ask = (query) => {
    remember(query);
    go({ query });
  };
  return html`
    <div id=${id} class="queries">
      <span class="quiet">${title}</span>
      ${queries.map((query) => html`
        <button key=${query} class="chip" type="button" dir="auto" onClick=${() => ask(query)}>${query}</button>
      `)}
      ${children}
    </div>
  `;
}
