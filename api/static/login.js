// The page that exchanges a key for the cookie of a session, and deletes that cookie.

import { ask, said } from "./api.js";
import { speakFirst, t } from "./language.js";
import { begin, end, note } from "./session.js";

/** What a login at the issuer ends with, in the fragment, and the message for it. */
const ENDS = /** @type {const} */ ({
  away: "ssoAway",
  busy: "ssoBusy",
  denied: "ssoDenied",
  failed: "ssoFailed",
  group: "ssoGroup",
  late: "ssoLate",
});
const ended = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
if (ended === "in") {
  note();
  location.replace("./");
}

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const key = /** @type {HTMLInputElement} */ (part("key"));

/** @param {() => Promise<void>} action */
async function tried(action) {
  try {
    await action();
    return true;
  } catch (error) {
    part("said").textContent = said(error);
    return false;
  }
}

await speakFirst();
/** @type {HTMLHeadingElement} */ (document.querySelector("h1")).textContent = t("loginIn");
/** @type {HTMLLabelElement} */ (document.querySelector("label")).textContent = t("loginKey");
part("in").textContent = t("loginIn");
part("out").textContent = t("loginOut");

part("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await tried(() => begin(key.value.trim()))) location.assign("./");
});

part("out").addEventListener("click", async () => {
  if (await tried(end)) part("said").textContent = t("loggedOut");
});

if (Object.hasOwn(ENDS, ended)) part("said").textContent = t(ENDS[/** @type {keyof typeof ENDS} */ (ended)]);
if ((await ask("login/ways")).single_sign_on) {
  /** @type {HTMLAnchorElement} */ (document.querySelector("#sso a")).textContent = t("sso");
  part("sso").hidden = false;
}
