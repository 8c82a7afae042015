// What is asked of the server, made of the address of the page. Pure.

import { hasWords, isPlain, isSeen, partsOf } from "./composed.js";

/** @typedef {import("./routes.js").Route} Route */

export const FIELDS = /** @type {const} */ (["picture", "subtitle", "speech", "text", "object"]);

/**
 * Where sentences are searched, or none for everywhere. Several parts are always searched in pictures, too.
 * @param {Route} route
 * @returns {Route["fields"]}
 */
export function fieldsOf(route) {
  const { fields } = route;
  if (!fields.length || !hasWords(route)) return [];
  return isPlain(route) || fields.includes("picture") ? fields : ["picture", ...fields];
}

/**
 * Whether moments can be cut to the frames that show what is asked for.
 * @param {Route} route
 */
export function canSharpen(route) {
  const fields = fieldsOf(route);
  return isPlain(route) && (!fields.length || fields.includes("picture"));
}

/**
 * @param {Route} route
 */
export function question(route) {
  const { query, parts, then, collection, least } = route;
  const filter = filterOf(route);
  const fields = fieldsOf(route);
  return {
    ...partsOf({ query, parts, then }),
    ...(collection ? { collection } : {}),
    ...(Object.keys(filter).length ? { filter } : {}),
    ...(fields.length ? { fields } : {}),
    ...(route.sharpen && canSharpen(route) ? { sharpen: true } : {}),
    ...(least && !isSeen({ parts, then }) ? { min_relevance: least } : {}),
  };
}

/** @param {Route} route */
const filterOf = ({ tags, marks, cameras, folder, title, shortest, longest, since, until, ...more }) => ({
  ...(tags.length ? { tags } : {}),
  ...(marks.length ? { segment_tags: marks } : {}),
  ...(cameras.length ? { cameras } : {}),
  ...(folder ? { folder } : {}),
  ...(title ? { title } : {}),
  ...(shortest ? { min_duration: shortest } : {}),
  ...(longest ? { max_duration: longest } : {}),
  ...(since ? { indexed_from: midnight(since, 0) } : {}),
  ...(until ? { indexed_before: midnight(until, 1) } : {}),
  ...(more.recordedSince ? { recorded_from: `${more.recordedSince}T00:00:00Z` } : {}),
  ...(more.recordedUntil ? { recorded_before: dayAfter(more.recordedUntil) } : {}),
  ...(more.lowest ? { min_height: more.lowest } : {}),
  ...(more.highest ? { max_height: more.highest } : {}),
  ...(more.language ? { language: more.language } : {}),
});

/**
 * In which order the server gives moments, and whether one of each video.
 * @param {Pick<Route, "order" | "grouped">} route
 */
export function arrangement({ order, grouped }) {
  return {
    ...(order === "best" ? {} : { sort: order === "time" ? "time" : "newest" }),
    ...(grouped ? { group_by: "video" } : {}),
  };
}

/**
 * Whether two addresses ask the same, apart from what is open.
 * @param {Route} route
 */
export function asked(route) {
  return JSON.stringify([question(route), arrangement(route)]);
}

/**
 * The beginning of a day where the browser is, or of a later day, in UTC.
 * @param {string} day
 * @param {number} later days
 */
function midnight(day, later) {
  const [year, month, date] = day.split("-").map(Number);
  const begins = new Date(2000, month - 1, date + later);
  begins.setFullYear(year + begins.getFullYear() - 2000);
  return begins.toISOString();
}

/** @param {string} day the end of a day in UTC, as facets count years */
const dayAfter = (day) => new Date(Date.parse(day) + 24 * 3600 * 1000).toISOString();
