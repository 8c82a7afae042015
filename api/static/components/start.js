// The page before anything is asked: what it is for, what to try, the last queries, some videos.

import { ask, parameters } from "../api.js";
import { isLong } from "../format.js";
import { ALONE } from "../composed.js";
import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { behind, here, libraries, videos } from "../library.js";
import { go, link } from "../navigation.js";
import { forget, recent, remember } from "../recent.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { worded } from "./composed.js";
import { Empty, Notice } from "./notice.js";
import { VideoCard } from "./videocard.js";

const SHOWN = 12;

export function Start() {
  const known = useValue(libraries);
  const count = useValue(videos);
  const collection = useValue(here);
  const before = useValue(recent);
  const examples = useValue(behind)?.examples ?? [];
  return html`
    <div class="claim">
      <h1>${t("claim")}</h1>
      <p class="quiet">${t("claimDetail")}</p>
    </div>
    <${Queries} id="examples" title=${t("try")} sentences=${examples.map((query) => ({ query, ...ALONE }))} />
    <${Queries} id="recent" title=${t("recent")} sentences=${before}>
      <button class="plain" type="button" onClick=${forget}>${t("recentClear")}</button>
    <//>
    ${known?.problem && html`<${Notice} problem=${known.problem} />`}
    ${known && !known.problem && !count && html`<${Empty} collection=${collection} />`}
    ${count > 0 && html`<${Some} collection=${collection} />`}
  `;
}

/** @param {{collection: string}} props */
function Some({ collection }) {
  const [some, set] = useState(/** @type {import("../types.js").Video[]} */ ([]));
  useEffect(() => {
    let mine = true;
    ask(`v1/videos${parameters({ collection, limit: SHOWN })}`)
      .then(({ videos }) => mine && set(videos))
      .catch(() => {}); // the page can do without
    return () => { mine = false; };
  }, [collection]);
  if (!some.length) return null;
  return html`
    <section class="some">
      <h2>${t("fromLibrary")} <a ...${link({ page: "library" })}>${t("showAll")}</a></h2>
      <ul class=${some.some((video) => isLong(video.title)) ? "cards tall" : "cards"}>
        ${some.map((video) => html`<li key=${video.id}><${VideoCard} video=${video} /></li>`)}
      </ul>
    </section>
  `;
}

/** @param {{id: string, title: string, sentences: import("../composed.js").Sentence[], children?: any}} props */
function Queries({ id, title, sentences, children }) {
  if (!sentences.length) return null;
  /** @param {import("../composed.js").Sentence} sentence */
  const ask = (sentence) => {
    remember(sentence);
    go(sentence);
  };
  return html`
    <div id=${id} class="queries">
      <span class="quiet">${title}</span>
      ${sentences.map((sentence) => html`
        <button key=${worded(sentence)} class="chip" type="button" dir="auto" onClick=${() => ask(sentence)}>
          ${worded(sentence)}</button>
      `)}
      ${children}
    </div>
  `;
}
