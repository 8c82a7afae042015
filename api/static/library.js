// The collections that there are; asked again while there is nothing in them.

import { ask, problemIn } from "./api.js";
import { route } from "./navigation.js";
import { computed, signal } from "./vendor/signals.js";

const EMPTY_S = 3;

/**
 * @typedef {object} Libraries
 * @property {import("./types.js").Collection[]} collections
 * @property {string} default
 * @property {import("./types.js").Problem | null} problem
 */

/** @type {import("./vendor/signals.js").Signal<Libraries | null>} */
export const libraries = signal(null);

/** The name of the collection that is looked at. */
export const here = computed(() => route.value.collection || libraries.value?.default || "");

/** The collection that is looked at, also if an alias names it; none until it is known. */
export const behind = computed(() =>
  (libraries.value?.collections ?? []).find(({ name, aliases }) => name === here.value || aliases.includes(here.value)));

/** Whether something is blurred in the pictures of the collection that is looked at. */
export const isRedacted = computed(() => (behind.value?.redacts.length ?? 0) > 0);

export const videos = computed(() => sum("videos"));
export const seconds = computed(() => sum("seconds"));

/** @param {"videos" | "seconds"} key */
const sum = (key) => (libraries.value?.collections ?? []).reduce((total, each) => total + each[key], 0);

/** @type {ReturnType<typeof setTimeout> | undefined} */
let later;

export async function look() {
  try {
    libraries.value = { ...(await ask("v1/collections")), problem: null };
  } catch (error) {
    libraries.value = { collections: [], default: "", ...libraries.peek(), problem: problemIn(error) };
  }
  clearTimeout(later);
  if (!videos.value) later = setTimeout(look, EMPTY_S * 1000);
}
