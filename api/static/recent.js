// The last queries, in this browser alone.

import { signal } from "./vendor/signals.js";

const SAVED = "clipseek.recent";
const MOST = 6;

/**
 * @param {string[]} before newest first
 * @param {string} query
 */
export const added = (before, query) => [query, ...before.filter((each) => each !== query)].slice(0, MOST);

/** @returns {string[]} */
function saved() {
  try {
    const found = JSON.parse(localStorage.getItem(SAVED) ?? "[]");
    return Array.isArray(found) ? found.filter((each) => typeof each === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export const recent = signal(/** @type {string[]} */ ([]));

export function recall() {
  recent.value = saved();
}

/** @param {string} query */
export function remember(query) {
  if (!query) return;
  recent.value = added(saved(), query);
  localStorage.setItem(SAVED, JSON.stringify(recent.value));
}

export function forget() {
  localStorage.removeItem(SAVED);
  recent.value = [];
}
