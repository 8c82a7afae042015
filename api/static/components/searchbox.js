// The box, the collection beside it, and the filters under it. It searches while typing pauses.

import { isWanted, LONGEST } from "../composed.js";
import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { here, libraries } from "../library.js";
import { go, route } from "../navigation.js";
import { pictureIn, refused, searchWith } from "../picture.js";
import { remember } from "../recent.js";
import { run } from "../searching.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { Adding, Composed } from "./composed.js";
import { Filters } from "./filters.js";
import { Icon } from "./icons.js";

const PAUSE_MS = 350;

export function SearchBox() {
  const now = useValue(route);
  const { query, parts, collection } = now;
  const unread = useValue(refused);
  const [draft, open] = useState(/** @type {import("./composed.js").Draft} */ (null));
  const chooser = useRef(/** @type {HTMLInputElement | null} */ (null));
  const known = useValue(libraries)?.collections ?? [];
  const own = useValue(here);
  /** @type {{current: HTMLInputElement | null}} */
  const box = useRef(null);
  const typing = useRef({ timer: 0, pushed: false });

  useLayoutEffect(() => {
    // Going back changes the words, but typing is never overwritten by its own search: after the page is
    // painted, the next letter may be there already.
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
  useEffect(() => {
    const pasted = (/** @type {ClipboardEvent} */ event) => {
      const file = pictureIn(event.clipboardData?.files ?? []);
      if (!file) return;
      event.preventDefault();
      searchWith(file);
    };
    addEventListener("paste", pasted);
    return () => removeEventListener("paste", pasted);
  }, []);
  /** @param {any} event */
  const chosen = (event) => {
    const [file] = event.target.files;
    if (file) searchWith(file);
    event.target.value = ""; // so that the same file can be chosen again
  };

  /** One step of history for all that is typed at once. */
  const paused = () => {
    const words = box.current?.value.trim() ?? "";
    if (words === route.peek().query) return;
    go({ query: words, open: null }, { replace: typing.current.pushed });
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
    remember(route.peek());
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
            onChange=${(/** @type {any} */ event) => go({ collection: event.target.value, tags: [], parts: parts.filter((part) => !("like" in part)), open: null })}>
            ${names.map((name) => html`<option key=${name} value=${name} selected=${name === own}>${name}</option>`)}
          </select>
        `}
        <button id="with-picture" class="plain" type="button" title=${t("pictureHint")} aria-label=${t("withPicture")}
          onClick=${() => chooser.current?.click()}><${Icon} name="picture" /></button>
        <input ref=${chooser} type="file" accept="image/*" hidden aria-label=${t("withPicture")} onChange=${chosen} />
        <button class="primary" type="submit"><${Icon} name="search" /><span>${t("search")}</span></button>
      </div>
      <${Composed} draft=${draft} open=${open} />
      ${unread && html`<p id="unread" class="reason" role="alert">${unread}</p>`}
      ${isWanted(now) && html`<${Filters}><${Adding} draft=${draft} open=${open} /><//>`}
    </form>
  `;
}
