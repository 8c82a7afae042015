// The box, the collection beside it, and the filters under it. It searches while typing pauses.

import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { here, libraries } from "../library.js";
import { go, route } from "../navigation.js";
import { remember } from "../recent.js";
import { run } from "../searching.js";
import { html, useEffect, useRef } from "../vendor/preact.js";
import { Asked } from "./asked.js";
import { Filters } from "./filters.js";
import { Icon } from "./icons.js";

const PAUSE_MS = 350;
const LONGEST = 1000;

export function SearchBox() {
  const { query, like, collection } = useValue(route);
  const known = useValue(libraries)?.collections ?? [];
  const own = useValue(here);
  /** @type {{current: HTMLInputElement | null}} */
  const box = useRef(null);
  const typing = useRef({ timer: 0, pushed: false });

  useEffect(() => {
    // Going back changes the words, but typing is never overwritten by its own search.
    if (box.current && box.current.value.trim() !== query) box.current.value = query;
  }, [query]);
  useEffect(() => {
    // On a phone the focus would bring up the keyboard.
    if (!matchMedia("(pointer: coarse)").matches && !route.peek().open && box.current) {
      box.current.focus();
      box.current.setSelectionRange(box.current.value.length, box.current.value.length);
    }
    return () => clearTimeout(typing.current.timer);
  }, []);

  /** One step of history for all that is typed at once. */
  const paused = () => {
    const words = box.current?.value.trim() ?? "";
    if (words === route.peek().query) return;
    go({ query: words, like: words ? null : route.peek().like, open: null }, { replace: typing.current.pushed });
    typing.current.pushed = true;
  };
  const typed = () => {
    clearTimeout(typing.current.timer);
    typing.current.timer = window.setTimeout(paused, PAUSE_MS);
  };
  /** @param {Event} event */
  const submitted = (event) => {
    event.preventDefault();
    clearTimeout(typing.current.timer);
    const words = box.current?.value.trim() ?? "";
    if (words === route.peek().query) run();
    else paused();
    typing.current.pushed = false;
    remember(words);
  };
  const names = known.map(({ name }) => name);
  if (collection && !names.includes(collection)) names.push(collection);
  return html`
    <form id="form" role="search" aria-label=${t("searchLabel")} onSubmit=${submitted}>
      <div class="box">
        <${Icon} name="search" />
        <label class="hidden" for="query">${t("describe")}</label>
        <input id="query" ref=${box} name="q" type="search" dir="auto" maxlength=${LONGEST} autocomplete="off"
          spellcheck="true" placeholder=${t("describe")} aria-keyshortcuts="/" enterkeyhint="search"
          defaultValue=${query} onInput=${typed} onBlur=${() => { typing.current.pushed = false; }} />
        ${names.length > 1 && html`
          <label class="hidden" for="collection">${t("collection")}</label>
          <select id="collection" name="collection"
            onChange=${(/** @type {any} */ event) => go({ collection: event.target.value, tags: [], like: null, open: null })}>
            ${names.map((name) => html`<option key=${name} value=${name} selected=${name === own}>${name}</option>`)}
          </select>
        `}
        <button class="primary" type="submit">${t("search")}</button>
      </div>
      ${like && html`<${Asked} like=${like} />`}
      ${(query || like) && html`<${Filters} />`}
    </form>
  `;
}
