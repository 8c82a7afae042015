// What stands beside the words of a search: what must not be seen, and what must follow. Pure.

/**
 * @typedef {{query: string, within: number}} Step what must follow, and within how many seconds
 * @typedef {{without: string[], then: Step[]}} Composed
 * @typedef {{query: string} & Composed} Sentence
 */

export const LONGEST = 1000; // characters of a sentence
export const WITHIN_S = 10; // until somebody chooses another time
export const LONGEST_S = 3600; // that a step may take

/** @type {Composed} */
export const ALONE = { without: [], then: [] };

/** @param {Composed} composed */
export const isAlone = ({ without, then }) => !without.length && !then.length;

/**
 * @param {URLSearchParams} given
 * @returns {Composed}
 */
export function composedOf(given) {
  const times = given.getAll("within");
  const then = given.getAll("then").map((text, place) => ({ query: text.trim(), within: secondsOf(times[place]) }));
  const without = given.getAll("not").map((text) => text.trim());
  return { without: without.filter(Boolean), then: then.filter(({ query }) => query) };
}

/**
 * Each step has its seconds, so that the places of both agree.
 * @param {URLSearchParams} given
 * @param {Composed} composed
 */
export function writeComposed(given, { without, then }) {
  for (const words of without) given.append("not", words);
  for (const { query, within } of then) {
    given.append("then", query);
    given.append("within", String(within));
  }
}

/**
 * A number of seconds as it was written, however long: the server says which it takes.
 * @param {string | undefined} text
 */
export function secondsOf(text) {
  const seconds = Number(text);
  return text?.trim() && Number.isFinite(seconds) ? seconds : WITHIN_S;
}

/**
 * What is asked of the server with a sentence: each step is inside the one before.
 * @param {Sentence} sentence
 */
export function partsOf({ query, without, then }) {
  const unwanted = without.map((text) => ({ text, weight: -1 }));
  const first = without.length ? { parts: [{ text: query }, ...unwanted] } : { query };
  /** @type {object} */
  const none = {};
  return { ...first, ...then.reduceRight((inner, step) => ({ then: { ...step, ...inner } }), none) };
}

/**
 * The words at a place of a list changed: added after the last, or taken away if they are empty.
 * @template Item
 * @param {Item[]} list
 * @param {number} place
 * @param {Item | null} item
 * @returns {Item[]}
 */
export const changed = (list, place, item) =>
  [...list.slice(0, place), ...(item === null ? [] : [item]), ...list.slice(place + 1)];
