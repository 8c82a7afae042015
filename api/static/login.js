// The page that exchanges a key for the cookie of a session, and deletes that cookie.

import { Failure, ask } from "./api.js";
import { t } from "./language.js";

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const key = /** @type {HTMLInputElement} */ (part("key"));

/** @param {RequestInit} options */
async function session(options) {
  try {
    await ask("v1/session", options);
    return true;
  } catch (error) {
    part("said").textContent = error instanceof Failure ? error.message : String(error);
    return false;
  }
}

/** @type {HTMLLabelElement} */ (document.querySelector("label")).textContent = t("loginKey");
part("in").textContent = t("loginIn");
part("out").textContent = t("loginOut");

part("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const headers = { Authorization: `Bearer ${key.value.trim()}` };
  if (await session({ method: "POST", headers })) location.assign("./");
});

part("out").addEventListener("click", async () => {
  if (await session({ method: "DELETE" })) part("said").textContent = t("loggedOut");
});
