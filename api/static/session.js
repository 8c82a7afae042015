// The session of a server that needs keys. Its cookie cannot be read here, so what is known of it is kept beside it.

import { ask } from "./api.js";

const SAVED = "clipseek.session";

/** Whether this browser has logged in and not out. */
export const isLoggedIn = () => localStorage.getItem(SAVED) !== null;

/** Remember that this browser has logged in. */
export const note = () => localStorage.setItem(SAVED, "1");

/** @param {string} key */
export async function begin(key) {
  await ask("v1/session", { method: "POST", headers: { Authorization: `Bearer ${key}` } });
  note();
}

export async function end() {
  await ask("v1/session", { method: "DELETE" });
  localStorage.removeItem(SAVED);
}
