// The moments that somebody has chosen to take along as an edit list. They stay until the tab is closed.

import { ask, fetched, problemIn, said } from "./api.js";
import { save } from "./saving.js";
import { signal } from "./vendor/signals.js";

const SAVED = "clipseek.selection";

/** @typedef {{collection: string, video: string, start: number, end: number, name: string}} Chosen */

export const chosen = signal(/** @type {Chosen[]} */ ([]));

/**
 * Whether two are the same moment. Pure.
 * @param {Chosen} a
 * @param {{video: string, start: number}} b
 */
export const isSame = (a, b) => a.video === b.video && Math.abs(a.start - b.start) < 0.01;

export function recall() {
  try {
    const found = JSON.parse(sessionStorage.getItem(SAVED) ?? "[]");
    if (Array.isArray(found)) chosen.value = found;
  } catch {
    chosen.value = [];
  }
}

/** @param {Chosen[]} next */
function keep(next) {
  chosen.value = next;
  sessionStorage.setItem(SAVED, JSON.stringify(next));
}

/** @param {Chosen} moment */
export function toggle(moment) {
  // An edit list is of one collection: another one begins a new list.
  if (chosen.peek().some(({ collection }) => collection !== moment.collection)) clear();
  const others = chosen.peek().filter((each) => !isSame(each, moment));
  keep(others.length < chosen.peek().length ? others : [...others, moment]);
}

export const clear = () => keep([]);

/** @typedef {"edl" | "fcpxml" | "otio"} Format */

/** @returns {Promise<Format[]>} the formats that the server writes; the first one if it does not say */
export async function formats() {
  try {
    return (await ask("v1/edit-lists")).formats;
  } catch (error) {
    problemIn(error);
    return ["edl"];
  }
}

/**
 * Save the chosen moments as an edit list, in the order in which they were chosen.
 * @param {Format} format
 * @returns {Promise<string>} why it failed, or ""
 */
export async function exported(format) {
  const [{ collection }] = chosen.peek();
  const moments = chosen.peek().map(({ video, start, end, name }) => ({ video, start, end, name }));
  try {
    const response = await fetched("v1/edit-lists", { json: { format, collection, moments } });
    save(await response.blob(), `moments.${format}`);
    return "";
  } catch (error) {
    return said(error);
  }
}
