// The last queries, in this browser alone.

import { composedOf, hasPicture, isWanted, writeComposed } from "./composed.js";
import { signal } from "./vendor/signals.js";

const SAVED = "clipseek.recent";
const MOST = 6;

/** @typedef {import("./composed.js").Sentence} Sentence */

/**
 * @param {string[]} before newest first
 * @param {string} query
 */
export const added = (before, query) => [query, ...before.filter((each) => each !== query)].slice(0, MOST);

/**
 * What is kept of a search: a line with its sentence, and one as in an address with what is beside it.
 * @param {Sentence} sentence
 */
export function kept({ query, parts, then }) {
  const beside = new URLSearchParams();
  writeComposed(beside, { parts, then });
  return beside.size ? `${query}\n${beside}` : query;
}

/**
 * @param {string} line
 * @returns {Sentence}
 */
export function recalled(line) {
  const [query, beside] = line.split("\n");
  return { query, ...composedOf(new URLSearchParams(beside)) };
}

/** @returns {string[]} */
function saved() {
  try {
    const found = JSON.parse(localStorage.getItem(SAVED) ?? "[]");
    return Array.isArray(found) ? found.filter((each) => typeof each === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export const recent = signal(/** @type {Sentence[]} */ ([]));

export function recall() {
  recent.value = saved().map(recalled);
}

/**
 * A search with a picture is not kept, because without the picture it would be another one.
 * @param {Sentence} sentence
 */
export function remember(sentence) {
  if (!isWanted(sentence) || hasPicture(sentence)) return;
  const lines = added(saved(), kept(sentence));
  recent.value = lines.map(recalled);
  localStorage.setItem(SAVED, JSON.stringify(lines));
}

export function forget() {
  localStorage.removeItem(SAVED);
  recent.value = [];
}
