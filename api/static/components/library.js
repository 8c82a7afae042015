// The videos of a collection.

import { ask, parameters, problemIn } from "../api.js";
import { isLong } from "../format.js";
import { useNear, useValue } from "../hooks.js";
import { t } from "../language.js";
import { keyOf, removed, removing } from "../changing.js";
import { behind, here, libraries } from "../library.js";
import { go, link, route } from "../navigation.js";
import { items } from "../uploading.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Listing } from "./listing.js";
import { Empty, Notice } from "./notice.js";
import { AddButton, Uploads } from "./uploads.js";
import { VideoCard } from "./videocard.js";
import { VirtualList } from "./virtuallist.js";

const PAGE = 120;
const draw = (/** @type {import("../types.js").Video} */ video) => html`<${VideoCard} video=${video} />`;

export function Library() {
  const collection = useValue(here);
  const known = useValue(libraries);
  const [{ videos, next, problem, done }, set] = useState({
    videos: /** @type {import("../types.js").Video[]} */ ([]),
    next: /** @type {string | null} */ (null),
    problem: /** @type {import("../types.js").Problem | null} */ (null),
    done: false,
  });
  const { sort, name } = useValue(route);
  const asked = useRef("");
  /** @param {string} after */
  const load = async (after) => {
    const mine = parameters({ collection, limit: PAGE, after, order: sort, query: name });
    asked.current = mine;
    try {
      const page = await ask(`v1/videos${mine}`);
      if (asked.current !== mine) return; // the answer to other words came later
      set((last) => ({
        videos: after ? [...last.videos, ...page.videos] : page.videos, next: page.next, problem: null, done: true,
      }));
    } catch (error) {
      if (asked.current !== mine) return;
      set((last) => ({ ...last, problem: problemIn(error), done: true }));
    }
  };
  useEffect(() => {
    if (collection) load("");
  }, [collection, useValue(behind)?.version, sort, name]);
  const gone = useValue(removed);
  const leaving = useValue(removing);
  const hidden = leaving ? new Set([...gone, keyOf(leaving)]) : gone;
  const shown = videos.filter(({ id, indexed_at: indexed }) => !hidden.has(keyOf({ id, collection, indexed })));
  const more = useNear(() => next && load(next), next);
  const isEmpty = done && !problem && !name && !videos.length && !useValue(items).length;
  const names = (known?.collections ?? []).map(({ name }) => name);
  if (collection && !names.includes(collection)) names.push(collection);
  return html`
    <div class="page-head">
      <h1>${t("navLibrary")}</h1>
      ${names.length > 1 && html`
        <label><span class="hidden">${t("collection")}</span>
          <select onChange=${(/** @type {any} */ event) => go({ collection: event.target.value, tags: [] })}>
            ${names.map((name) => html`<option key=${name} value=${name} selected=${name === collection}>${name}</option>`)}
          </select></label>
      `}
      <span class="gap"></span>
      <a class="plain" ...${link({ page: "review", open: null })}>${t("review")}</a>
      ${!isEmpty && html`<${Listing} /><${AddButton} />`}
    </div>
    <${Uploads} />
    <p class="status" role="status">${done ? !problem && !next && shown.length > 0 && t("libraryEnd", { count: shown.length }) : t("libraryLoading")}</p>
    ${problem && html`<${Notice} problem=${problem} retry=${() => load("")} />`}
    ${done && !problem && name && !shown.length && html`<p>${t("libraryNone")}</p>`}
    ${isEmpty && html`<${Empty} collection=${collection} />`}
    <${VirtualList} items=${shown} draw=${draw} keyOf=${(/** @type {any} */ video) => video.id} label=${t("navLibrary")}
      tall=${videos.some((video) => isLong(video.title))} />
    ${next && html`<p class="more" ref=${more}><button type="button" onClick=${() => load(next)}>${t("libraryMore")}</button></p>`}
  `;
}
