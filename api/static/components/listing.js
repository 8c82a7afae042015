// The order of the library, and the words of titles that it shows only.

import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { go, route } from "../navigation.js";
import { html, useEffect, useLayoutEffect, useRef } from "../vendor/preact.js";

const PAUSE_MS = 250; // after a letter, before videos are asked for
const LONGEST_NAME = 200;
const SORTS = /** @type {const} */ ([["newest", "orderDate"], ["title", "sort_title"], ["length", "sort_length"]]);

export function Listing() {
  const { sort, name } = useValue(route);
  const box = useRef(/** @type {HTMLInputElement | null} */ (null));
  const later = useRef(0);
  useLayoutEffect(() => {
    // A step back changes the words. After the page is painted, the next letter may be there already.
    if (box.current && box.current.value.trim() !== name) box.current.value = name;
  }, [name]);
  useEffect(() => () => clearTimeout(later.current), []);
  const typed = () => {
    clearTimeout(later.current);
    later.current = setTimeout(() => go({ name: box.current?.value.trim() ?? "" }, { replace: true }), PAUSE_MS);
  };
  return html`
    <label><span class="hidden">${t("libraryName")}</span>
      <input id="library-name" ref=${box} type="search" maxlength=${LONGEST_NAME} dir="auto" defaultValue=${name}
        placeholder=${t("libraryName")} onInput=${typed} /></label>
    <label><span class="hidden">${t("order")}</span>
      <select id="library-sort" onChange=${(/** @type {any} */ event) => go({ sort: event.target.value }, { replace: true })}>
        ${SORTS.map(([each, called]) => html`<option key=${each} value=${each} selected=${each === sort}>${t(called)}</option>`)}
      </select></label>
  `;
}
