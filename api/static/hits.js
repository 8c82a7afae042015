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
 * The moments that match, and those that are only near, each in the order of the answer.
 * @param {Hit[]} hits
 * @param {number | null} alikeFrom
 * @returns {{good: Hit[], weak: Hit[]}}
 */
export function divided(hits, alikeFrom) {
  return {
    good: hits.filter((hit) => matches(hit, alikeFrom)),
    weak: hits.filter((hit) => !matches(hit, alikeFrom)),
  };
}

/**
 * The moments of an answer, and after the one of a video that is unfolded the others of it.
 * @param {Hit[]} hits
 * @param {ReadonlyMap<string, Hit[]>} others by video
 * @returns {Hit[]}
 */
export function unfoldedOf(hits, others) {
  return hits.flatMap((hit) => [
    hit, ...(others.get(hit.video.id) ?? []).filter(({ segment_id }) => segment_id !== hit.segment_id),
  ]);
}

/**
 * Moments with what they stand for. If they are of one video each, the server says how many others
 * there are. Otherwise near-identical ones are a group, of which the first stands for the others
 * unless it is unfolded.
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
    const more = all[0].more_in_video ?? all.length - 1;
    const shown = unfolded.has(group) ? all : all.slice(0, 1);
    return shown.map((hit, place) => ({ hit, group, kind, more: place ? 0 : more, first: place === 0 }));
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
