// The bar at the top: where one can go, how much there is, the language.

import { said } from "../api.js";
import { refusal } from "../changing.js";
import { ALONE } from "../composed.js";
import { useValue } from "../hooks.js";
import { language, LANGUAGES, locale, speak, t } from "../language.js";
import { seconds, videos } from "../library.js";
import { roughly } from "../format.js";
import { link, route } from "../navigation.js";
import { NO_FILTERS } from "../routes.js";
import { end, isLoggedIn } from "../session.js";
import { html } from "../vendor/preact.js";
import { helping } from "./help.js";
import { Icon } from "./icons.js";

const ICON = new URL("../icon.svg", import.meta.url).href;

/** @param {{page: import("../routes.js").Route["page"]}} props */
export function Header({ page }) {
  const count = useValue(videos);
  const length = useValue(seconds);
  useValue(route);
  const to = (/** @type {"search" | "library" | "live" | "status"} */ where) => ({
    ...link({ page: where, video: "", open: null }),
    "aria-current": page === where || (page === "video" && where === "library") ? "page" : undefined,
  });
  const home = link({ page: "search", video: "", query: "", ...ALONE, open: null, ...NO_FILTERS });
  return html`
    <header class="top">
      <a class="brand" ...${home}><img src=${ICON} alt="" width="28" height="28" /><span>clipseek</span></a>
      <nav>
        <a ...${to("search")}><${Icon} name="search" /><span>${t("navSearch")}</span></a>
        <a ...${to("library")}><${Icon} name="grid" /><span>${t("navLibrary")}</span></a>
        <a ...${to("live")}><${Icon} name="live" /><span>${t("navLive")}</span></a>
        <a ...${to("status")}><${Icon} name="status" /><span>${t("navStatus")}</span></a>
      </nav>
      <p id="library" class="quiet">
        ${count > 0 && t("librarySize", { count, length: roughly(length, locale()) })}
      </p>
      <${Languages} />
      <button class="plain keys" type="button" title=${`${t("navKeys")} (?)`} aria-label=${t("navKeys")}
        onClick=${() => { helping.value = true; }}><${Icon} name="help" /></button>
      <a class="plain" href="docs">${t("navApi")}</a>
      ${isLoggedIn() && html`<button id="log-out" class="plain" type="button" onClick=${leave}>${t("loginOut")}</button>`}
    </header>
  `;
}

/** Log out; the page that asks for a key is all that is left to see. */
async function leave() {
  try {
    await end();
    location.assign("login");
  } catch (error) {
    refusal.value = said(error);
  }
}

function Languages() {
  useValue(language);
  const chosen = document.documentElement.lang;
  return html`
    <label class="languages">
      <span class="hidden">${t("language")}</span>
      <select value=${chosen} onChange=${(/** @type {any} */ event) => speak(event.target.value, true)}>
        ${Object.entries(LANGUAGES).map(([name, called]) => html`
          <option key=${name} value=${name} lang=${name} selected=${name === chosen}>${called}</option>
        `)}
      </select>
    </label>
  `;
}
