// The page that exchanges a key for the cookie of a session, and deletes that cookie.

import { said } from "./api.js";
import { speakFirst, t } from "./language.js";
import { begin, end } from "./session.js";

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
