// What a search consists of beside its sentence: further parts, wanted or not, and what must follow. Pure.

/**
 * @typedef {{text: string, weight: number}} Words
 * @typedef {{like: {video: string, time: number}, weight: number}} Moment
 * @typedef {{picture: import("./picture.js").Picture, weight: number}} Picture it is not in the address, because a
 *   server does not keep it
 * @typedef {Words | Moment | Picture} Part below zero, the weight says that it is not wanted
 * @typedef {{query: string, parts: Part[], within: number}} Step what must follow, and within how many seconds
 * @typedef {{parts: Part[], then: Step[]}} Composed
 * @typedef {{query: string} & Composed} Sentence
 */

export const LONGEST = 1000; // characters of a sentence
export const MOST = 8; // parts of one step, with its sentence
export const MOST_STEPS = 3; // after the first one
export const WITHIN_S = 10; // until somebody chooses another time
export const LONGEST_S = 3600; // that a step may take

export const LEAST_WEIGHT = 0.01;
export const MOST_WEIGHT = 10;

/** How much a part counts, in words: as many times as the sentence does. */
export const IMPORTANCE = { more: 2, same: 1, less: 0.5 };

/** @type {Composed} */
export const ALONE = { parts: [], then: [] };

/** @param {Composed} composed */
export const isAlone = ({ parts, then }) => !parts.length && !then.length;

/** @param {Pick<Sentence, "query" | "parts">} sentence */
export const isWanted = ({ query, parts }) => Boolean(query) || parts.some(({ weight }) => weight > 0);

/**
 * The parts of all steps.
 * @param {Composed} composed
 */
const everyPart = ({ parts, then }) => [...parts, ...then.flatMap((step) => step.parts)];

/**
 * Whether a part is a moment or a picture, so that answers have scores and no relevance.
 * @param {Composed} composed
 */
export const isSeen = (composed) => everyPart(composed).some((part) => !("text" in part));

/** @param {Composed} composed */
export const hasPicture = (composed) => everyPart(composed).some((part) => "picture" in part);

/**
 * Whether one sentence alone is asked for.
 * @param {Sentence} sentence
 */
export const isPlain = ({ query, parts, then }) =>
  !then.length && (query ? !parts.length : parts.length === 1 && "text" in parts[0]);

/**
 * Whether a sentence is asked for, which words can fit as well.
 * @param {Sentence} sentence
 */
export const hasWords = ({ query, parts, then }) =>
  Boolean(query) || then.some((step) => step.query) || everyPart({ parts, then }).some((part) => "text" in part);

/**
 * How many parts can be added.
 * @param {Pick<Sentence, "query" | "parts">} sentence
 */
export const room = ({ query, parts }) => MOST - parts.length - (query ? 1 : 0);

/**
 * The parts and the steps of an address, in their order: `weight` and `at` are of the part before, `within` is of
 * the step before, and so are the parts after it.
 * @param {URLSearchParams} given
 * @returns {Composed}
 */
export function composedOf(given) {
  /** @type {Step[]} the first one, and what follows */
  const steps = [{ query: "", parts: [], within: 0 }];
  for (const [name, value] of given) {
    if (name === "then") steps.push({ query: value.trim(), parts: [], within: WITHIN_S });
    const step = steps[steps.length - 1];
    const { parts } = step;
    if (name === "and" || name === "not") parts.push({ text: value.trim(), weight: signed(1, name) });
    if (name === "like" || name === "unlike") parts.push({ like: { video: value, time: 0 }, weight: signed(1, name) });
    const part = parts.at(-1);
    if (name === "at" && part && "like" in part) part.like.time = Number(value);
    if (name === "weight" && part && Number(value) > 0) part.weight *= Number(value);
    if (name === "within" && steps.length > 1) step.within = secondsOf(value);
  }
  const [{ parts }, ...then] = steps.map((step) => ({ ...step, parts: step.parts.filter(isMeant) }));
  return { parts, then: then.filter(isWanted) };
}

/**
 * @param {number} weight
 * @param {string} name of a part in an address
 */
const signed = (weight, name) => (name === "not" || name === "unlike" ? -weight : weight);

/** @param {Part} part */
function isMeant(part) {
  if ("text" in part) return part.text !== "" && Number.isFinite(part.weight);
  return "like" in part && part.like.video !== "" && part.like.time >= 0 && part.like.time < Infinity;
}

/**
 * @param {URLSearchParams} given
 * @param {Composed} composed
 */
export function writeComposed(given, { parts, then }) {
  for (const part of parts) writePart(given, part);
  for (const step of then) {
    given.append("then", step.query);
    given.append("within", String(step.within));
    for (const part of step.parts) writePart(given, part);
  }
}

/**
 * @param {URLSearchParams} given
 * @param {Part} part
 */
function writePart(given, part) {
  if ("picture" in part) return;
  if ("text" in part) given.append(part.weight < 0 ? "not" : "and", part.text);
  else {
    given.append(part.weight < 0 ? "unlike" : "like", part.like.video);
    given.append("at", String(Math.round(part.like.time * 1000) / 1000));
  }
  if (Math.abs(part.weight) !== 1) given.append("weight", String(Math.abs(part.weight)));
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
 * One part as the server reads it.
 * @param {Part} part
 */
function partOf(part) {
  if ("text" in part) return { text: part.text };
  return "like" in part ? { like: { video_id: part.like.video, time: part.like.time } } : { image: part.picture.image };
}

/**
 * A sentence and what else is asked of the first step, as the server reads parts.
 * @param {Pick<Sentence, "query" | "parts">} sentence
 */
export const firstParts = (sentence) =>
  allOf(sentence).map((part) => ({ ...partOf(part), ...(part.weight === 1 ? {} : { weight: part.weight }) }));

/**
 * @param {Pick<Sentence, "query" | "parts">} sentence
 * @returns {Part[]}
 */
const allOf = ({ query, parts }) => [...(query ? [{ text: query, weight: 1 }] : []), ...parts];

/**
 * What is asked of the server with a sentence: each step is inside the one before.
 * @param {Sentence} sentence
 */
export function partsOf({ query, parts, then }) {
  /** @type {object} */
  const none = {};
  const after = then.filter(isWanted).reduceRight((inner, { within, ...step }) => ({ then: { ...stepOf(step), within, ...inner } }), none);
  return { ...stepOf({ query, parts }), ...after };
}

/**
 * One step as the server reads it: one part by itself, or a list of them.
 * @param {Pick<Sentence, "query" | "parts">} step
 */
function stepOf(step) {
  const all = allOf(step);
  const [only] = all;
  if (all.length !== 1) return { parts: firstParts(step) };
  return "text" in only ? { query: only.text } : partOf(only);
}

/**
 * An item at a place of a list changed: added after the last, or taken away if it is null.
 * @template Item
 * @param {Item[]} list
 * @param {number} place
 * @param {Item | null} item
 * @returns {Item[]}
 */
export const changed = (list, place, item) =>
  [...list.slice(0, place), ...(item === null ? [] : [item]), ...list.slice(place + 1)];

/**
 * The importance of a part, or "" if its weight is none of those that are offered.
 * @param {Part} part
 */
export function importanceOf({ weight }) {
  const found = Object.entries(IMPORTANCE).find(([, each]) => each === Math.abs(weight));
  return /** @type {keyof typeof IMPORTANCE | ""} */ (found?.[0] ?? "");
}

/**
 * What each part multiplies the relevance by, as the server composes them: the product is the relevance.
 * @param {{weight: number, fit: number}[]} fits
 */
export function factorsOf(fits) {
  const wanted = fits.reduce((sum, { weight }) => sum + Math.max(0, weight), 0);
  return fits.map(({ weight, fit }) => (weight > 0 ? fit : 1 - fit) ** (Math.abs(weight) / wanted));
}

/**
 * A search with a moment or a picture as one more part, unless that is a part of it already.
 * @param {Sentence} sentence
 * @param {Moment | Picture} part
 * @returns {Composed}
 */
export function joined({ parts, then }, part) {
  const same = (/** @type {Part} */ each) =>
    "like" in each && "like" in part && each.like.video === part.like.video && each.like.time === part.like.time;
  return { parts: parts.some(same) ? parts : [...parts, part], then };
}

/**
 * The steps with one more part at the end of one of them.
 * @param {Step[]} then
 * @param {number} place
 * @param {Part} part
 */
export const withPart = (then, place, part) =>
  changed(then, place, { ...then[place], parts: [...then[place].parts, part] });
