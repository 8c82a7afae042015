// What is made of the moments of an answer before they are shown. Pure.

import { WEAK } from "./format.js";

const LAST = 100; // moments of which one must match, so that more are asked for

/**
 * @typedef {import("./types.js").Hit} Hit
 * @typedef {object} Shown a moment of a group
 * @property {Hit} hit
 * @property {number} more how many others of the group are folded, or could be
 * @property {boolean} first whether it stands for its group
 * @property {string} group what the group is unfolded by
 * @property {"video" | "similar"} kind what the moments of a group have in common
 */

/**
 * Whether a moment matches: by its relevance or, if no sentence was asked for, by its score.
 * @param {Hit} hit
 * @param {number | null} alikeFrom the least score that counts as alike; null for a sentence
 */
export const matches = (hit, alikeFrom) =>
  alikeFrom === null ? (hit.relevance ?? 0) >= WEAK : hit.score >= alikeFrom;

/**
 * The moments that match, and those that are only near, each in the order asked for.
 * @param {Hit[]} hits best first
 * @param {"best" | "time" | "date"} order
 * @param {number | null} alikeFrom
 * @returns {{good: Hit[], weak: Hit[]}}
 */
export function divided(hits, order, alikeFrom) {
  const sorted = order === "best" ? hits : [...hits].sort(order === "time" ? byTime : byDate);
  return {
    good: sorted.filter((hit) => matches(hit, alikeFrom)),
    weak: sorted.filter((hit) => !matches(hit, alikeFrom)),
  };
}

/**
 * @param {Hit} a
 * @param {Hit} b
 */
function byTime(a, b) {
  const titles = a.video.title.localeCompare(b.video.title);
  return titles || a.video.id.localeCompare(b.video.id) || a.start - b.start;
}

/**
 * Videos that were indexed last come first.
 * @param {Hit} a
 * @param {Hit} b
 */
function byDate(a, b) {
  return Date.parse(b.video.indexed_at) - Date.parse(a.video.indexed_at) || byTime(a, b);
}

/**
 * One moment of each group, and the others of the groups that are unfolded. Moments are in a group
 * if they are of one video or, unless that is asked for, if they are near-identical.
 * @param {Hit[]} hits
 * @param {boolean} grouped by video
 * @param {ReadonlySet<string>} unfolded groups
 * @returns {Shown[]}
 */
export function folded(hits, grouped, unfolded) {
  const kind = grouped ? "video" : "similar";
  /** @type {Map<string, Hit[]>} */
  const groups = new Map();
  for (const hit of hits) {
    const group = grouped ? hit.video.id : `${hit.similar_to ?? hit.segment_id}`;
    const known = groups.get(group);
    if (known) known.push(hit);
    else groups.set(group, [hit]);
  }
  return [...groups].flatMap(([group, all]) => {
    const shown = unfolded.has(group) ? all : all.slice(0, 1);
    return shown.map((hit, place) => ({
      hit, group, kind, more: place ? 0 : all.length - 1, first: place === 0,
    }));
  });
}

/**
 * An answer with the moments of its next page after its own.
 * @param {import("./types.js").Answer} answer
 * @param {import("./types.js").Answer} page
 * @returns {import("./types.js").Answer}
 */
export function joined(answer, page) {
  const { total, total_videos, more, next_cursor } = page;
  return { ...answer, total, total_videos, more, next_cursor, hits: [...answer.hits, ...page.hits] };
}

/**
 * Whether the next moments may match: the last of those that came did.
 * @param {import("./types.js").Answer} answer
 */
export function goesOn({ hits, next_cursor, alike_from }) {
  return next_cursor !== null && hits.slice(-LAST).some((hit) => matches(hit, alike_from));
}

/**
 * Where a moment is in a list, or -1.
 * @param {Hit[]} hits
 * @param {import("./routes.js").Moment} open
 */
export function placeOf(hits, open) {
  return hits.findIndex((hit) => hit.video.id === open.video && Math.abs(hit.start - open.start) < 0.01);
}
