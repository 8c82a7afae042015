// The search under way and its answer.

import { ask, Failure } from "./api.js";
import { isSeen } from "./composed.js";
import { joined, matches } from "./hits.js";
import { route } from "./navigation.js";
import { arrangement, asked, question } from "./question.js";
import { isAsked } from "./routes.js";
import { computed, effect, signal } from "./vendor/signals.js";

const FACETS = ["tag", "folder", "year", "language", "segment_tag"];
const LIMIT = 100; // moments asked for, as many as the server gives at once
const GONE = "/problems/version-gone";
const RETRY_S = [2, 4, 8, 15, 30];

/**
 * @typedef {object} State
 * @property {import("./types.js").Answer | null} answer the last one, while the next is awaited too
 * @property {import("./types.js").Problem | null} problem
 * @property {string} query that the answer is for, or "" if it is for a moment or a picture
 * @property {boolean} waiting
 * @property {number} turn counts the searches whose first moments have come
 * @property {"" | "waiting" | "changed" | "failed"} further the next moments: whether they are on
 *   their way, the library has changed so that they cannot come, or something else is wrong
 */

/** @type {State} */
const NOTHING = { answer: null, problem: null, query: "", waiting: false, turn: 0, further: "" };

/** @type {import("./vendor/signals.js").Signal<State>} */
export const search = signal(NOTHING);

/** @type {AbortController | null} */
let running = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let later;
let failures = 0;

/**
 * Copies are folded, unless somebody looks for what is like a moment or a picture, or for what
 * follows, because the server does not compare spans of several moments.
 * @param {import("./routes.js").Route} wanted
 */
const body = (wanted) => ({
  ...question(wanted), ...arrangement(wanted), limit: LIMIT, mark_similar: !isSeen(wanted) && !wanted.then.length && !wanted.grouped,
});

/**
 * The other moments that match of the videos that are unfolded, by video.
 * @type {import("./vendor/signals.js").Signal<ReadonlyMap<string, import("./types.js").Hit[]>>}
 */
export const others = signal(new Map());

/**
 * Ask for the other moments of a video that match, or put them away.
 * @param {string} video
 */
export async function unfoldVideo(video) {
  const known = new Map(others.peek());
  if (known.delete(video)) {
    others.value = known;
    return;
  }
  const { turn } = search.peek();
  const wanted = { ...body({ ...route.peek(), grouped: false }), mark_similar: false };
  /** @type {import("./types.js").Answer} */
  const answer = await ask("v1/search", { json: { ...wanted, filter: { ...wanted.filter, video_ids: [video] } } });
  if (search.peek().turn !== turn) return;
  others.value = new Map(others.peek()).set(video, answer.hits.filter((hit) => matches(hit, answer.alike_from)));
}

/** Ask what the address asks. */
export async function run() {
  running?.abort();
  clearTimeout(later);
  const wanted = route.peek();
  if (!isAsked(wanted)) {
    search.value = { ...NOTHING, turn: search.peek().turn };
    return;
  }
  const mine = new AbortController();
  running = mine;
  search.value = { ...search.peek(), problem: null, waiting: true };
  try {
    const answer = await ask("v1/search", { json: { ...body(wanted), facets: FACETS }, signal: mine.signal });
    if (running !== mine) return;
    failures = 0;
    const turn = search.peek().turn + 1;
    others.value = new Map();
    search.value = { answer, problem: null, query: wanted.query, waiting: false, turn, further: "" };
  } catch (error) {
    if (running !== mine || (error instanceof DOMException && error.name === "AbortError")) return;
    if (!(error instanceof Failure)) throw error;
    const { turn } = search.peek();
    search.value = { answer: null, problem: error.problem, query: wanted.query, waiting: false, turn, further: "" };
    if (error.away) later = setTimeout(run, 1000 * RETRY_S[Math.min(failures++, RETRY_S.length - 1)]);
  }
}

/** Ask for the next moments of the answer, all of them of the same version of the library. */
export async function loadFurther() {
  const { answer, waiting, turn, further } = search.peek();
  if (!answer?.next_cursor || waiting || further === "waiting" || further === "changed") return;
  search.value = { ...search.peek(), further: "waiting" };
  const json = { ...body(route.peek()), cursor: answer.next_cursor };
  let page;
  try {
    page = await ask("v1/search", { json, signal: running?.signal });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return;
    if (!(error instanceof Failure)) throw error;
    const isGone = error.problem.type?.endsWith(GONE);
    if (search.peek().turn === turn) search.value = { ...search.peek(), further: isGone ? "changed" : "failed" };
    return;
  }
  if (search.peek().turn !== turn) return;
  search.value = { ...search.peek(), answer: joined(answer, page), further: "" };
}

/** Search whenever the address asks something else. */
export function follow() {
  const wanted = computed(() => asked(route.value));
  effect(() => {
    wanted.value;
    run();
  });
}
