// What is said in a moment, cut into pieces for its card. Pure.

const LONGEST = 120; // characters of a card, on two or three lines
const BEFORE = 30; // characters before the first word that was asked for

/** @typedef {import("./types.js").HitField} HitField */
/** @typedef {HitField & {field: "subtitle" | "speech" | "text" | "object"}} Words */

/**
 * The texts of a moment in which words were found, the best first.
 * @param {import("./types.js").Hit} hit
 * @returns {Words[]}
 */
export const texts = (hit) => /** @type {Words[]} */ (hit.fields?.filter((field) => field.text !== "") ?? []);

/**
 * The best text of a moment, or undefined if no word was found in it.
 * @param {import("./types.js").Hit} hit
 * @returns {Words | undefined}
 */
export const said = (hit) => texts(hit)[0];

/**
 * The text that a moment was found by, or undefined if its picture fits as well or better.
 * @param {import("./types.js").Hit} hit
 * @returns {Words | undefined}
 */
export function foundBy(hit) {
  const words = said(hit);
  const picture = hit.fields?.find(({ field }) => field === "picture");
  return words && words.relevance > (picture?.relevance ?? -1) ? words : undefined;
}

/**
 * A text in pieces, which are words that were asked for or not, cut where it is too long.
 * @param {HitField} field its highlights count code points, as JavaScript's strings do not
 * @returns {{text: string, marked: boolean}[]}
 */
export function pieces({ text, highlights }) {
  const points = Array.from(text);
  const first = highlights[0]?.[0] ?? 0;
  const start = points.length <= LONGEST ? 0 : Math.max(0, Math.min(first - BEFORE, points.length - LONGEST));
  const end = Math.min(points.length, start + LONGEST);
  /** @type {{text: string, marked: boolean}[]} */
  const found = [];
  /** @type {(from: number, to: number, marked: boolean) => void} */
  const add = (from, to, marked) => {
    const piece = points.slice(Math.max(from, start), Math.min(to, end)).join("");
    if (piece) found.push({ text: piece, marked });
  };
  let at = start;
  for (const [from = 0, to = 0] of highlights) {
    add(at, from, false);
    add(from, to, true);
    at = Math.max(at, to);
  }
  add(at, end, false);
  if (start > 0) found.unshift({ text: "…", marked: false });
  if (end < points.length) found.push({ text: "…", marked: false });
  return found;
}
