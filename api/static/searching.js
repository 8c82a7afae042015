// The search under way and its answer.

import { ask, Failure } from "./api.js";
import { route } from "./navigation.js";
import { asked } from "./routes.js";
import { computed, effect, signal } from "./vendor/signals.js";

const LIMIT = 100; // moments asked for, as many as the server gives at once
const RETRY_S = [2, 4, 8, 15, 30];

/**
 * @typedef {object} State
 * @property {import("./types.js").Answer | null} answer the last one, while the next is awaited too
 * @property {import("./types.js").Problem | null} problem
 * @property {string} query that the answer is for
 * @property {boolean} waiting
 */

/** @type {State} */
const NOTHING = { answer: null, problem: null, query: "", waiting: false };

/** @type {import("./vendor/signals.js").Signal<State>} */
export const search = signal(NOTHING);

/** @type {AbortController | null} */
let running = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let later;
let failures = 0;

/** @param {import("./routes.js").Route} wanted */
function body({ query, collection, tags, least }) {
  return {
    query,
    limit: LIMIT,
    ...(collection ? { collection } : {}),
    ...(tags.length ? { filter: { tags } } : {}),
    ...(least ? { min_relevance: least } : {}),
  };
}

/** Ask what the address asks. */
export async function run() {
  running?.abort();
  clearTimeout(later);
  const wanted = route.peek();
  if (!wanted.query) {
    search.value = NOTHING;
    return;
  }
  const mine = new AbortController();
  running = mine;
  search.value = { ...search.peek(), problem: null, waiting: true };
  try {
    const answer = await ask("v1/search", { json: body(wanted), signal: mine.signal });
    if (running !== mine) return;
    failures = 0;
    search.value = { answer, problem: null, query: wanted.query, waiting: false };
  } catch (error) {
    if (running !== mine || (error instanceof DOMException && error.name === "AbortError")) return;
    if (!(error instanceof Failure)) throw error;
    search.value = { answer: null, problem: error.problem, query: wanted.query, waiting: false };
    if (error.away) later = setTimeout(run, 1000 * RETRY_S[Math.min(failures++, RETRY_S.length - 1)]);
  }
}

/** Search whenever the address asks something else. */
export function follow() {
  const question = computed(() => asked(route.value));
  effect(() => {
    question.value;
    run();
  });
}
