// The address of the page: what is asked, what is filtered, which moment is open. Pure.

import { ALONE, composedOf, isSeen, isWanted, joined, partsOf, writeComposed } from "./composed.js";

/**
 * @typedef {{video: string, start: number, end: number}} Moment
 * @typedef {object} Route
 * @property {"search" | "library" | "video" | "status"} page
 * @property {string} video the id of the video that the page shows, or ""
 * @property {string} query
 * @property {import("./composed.js").Part[]} parts what else is wanted, and what is not
 * @property {import("./composed.js").Step[]} then what must follow, in order
 * @property {string} collection its name, or "" for the default of the server
 * @property {string[]} tags
 * @property {number} least relevance, 0 for all
 * @property {string} folder the beginning of the videos' uris, or "" for all
 * @property {number} shortest seconds that a video must have, or 0
 * @property {number} longest seconds that a video may have, or 0 for all
 * @property {string} since the first day on which videos were indexed, such as "2026-11-28", or ""
 * @property {string} until the last such day, or ""
 * @property {string} recordedSince the first day, in UTC, on which videos were recorded, or ""
 * @property {string} recordedUntil the last such day, or ""
 * @property {number} lowest rows of pixels that pictures must have, or 0
 * @property {string} language in which something must be said or written, such as "en", or ""
 * @property {"best" | "time" | "date"} order
 * @property {boolean} grouped by video
 * @property {"newest" | "title" | "length"} sort the order of the library
 * @property {string} name words of the titles of the videos that the library shows, or ""
 * @property {Moment | null} open the moment in the player
 */

/**
 * @type {Pick<Route, "tags" | "least" | "folder" | "shortest" | "longest" | "since" | "until" | "recordedSince"
 *   | "recordedUntil" | "lowest" | "language">}
 */
export const NO_FILTERS = {
  tags: [], least: 0, folder: "", shortest: 0, longest: 0, since: "", until: "", recordedSince: "", recordedUntil: "",
  lowest: 0, language: "",
};

/** @type {Route} */
export const START = {
  page: "search", video: "", query: "", ...ALONE, collection: "", ...NO_FILTERS, order: "best", grouped: false,
  sort: "newest", name: "", open: null,
};

/**
 * @param {{search: string, hash: string}} address
 * @returns {Route}
 */
export function read({ search, hash }) {
  const given = new URLSearchParams(search);
  const least = Number(given.get("min"));
  const query = (given.get("q") ?? "").trim();
  const composed = composedOf(given);
  return {
    ...pageOf(hash),
    query,
    ...(isWanted({ query, ...composed }) ? composed : ALONE),
    collection: given.get("collection") ?? "",
    tags: given.getAll("tag"),
    least: least > 0 && least <= 1 ? least : 0,
    folder: given.get("folder") ?? "",
    shortest: secondsOf(given.get("longer")),
    longest: secondsOf(given.get("shorter")),
    since: dayOf(given.get("since")),
    until: dayOf(given.get("until")),
    recordedSince: dayOf(given.get("from")),
    recordedUntil: dayOf(given.get("to")),
    lowest: Math.floor(secondsOf(given.get("height"))),
    language: languageOf(given.get("language")),
    order: orderOf(given.get("order")),
    grouped: given.has("grouped"),
    sort: sortOf(given.get("sort")),
    name: (given.get("name") ?? "").trim(),
    open: momentOf(given.get("v"), given.get("t")),
  };
}

/**
 * @param {Route} route
 * @returns {string} relative to the page
 */
export function write(route) {
  const given = new URLSearchParams();
  if (route.query) given.set("q", route.query);
  if (isAsked(route)) writeComposed(given, route);
  if (route.collection) given.set("collection", route.collection);
  for (const tag of route.tags) given.append("tag", tag);
  if (route.least) given.set("min", String(route.least));
  if (route.folder) given.set("folder", route.folder);
  if (route.shortest) given.set("longer", String(route.shortest));
  if (route.longest) given.set("shorter", String(route.longest));
  if (route.since) given.set("since", route.since);
  if (route.until) given.set("until", route.until);
  if (route.recordedSince) given.set("from", route.recordedSince);
  if (route.recordedUntil) given.set("to", route.recordedUntil);
  if (route.lowest) given.set("height", String(route.lowest));
  if (route.language) given.set("language", route.language);
  if (route.order !== "best") given.set("order", route.order);
  if (route.grouped) given.set("grouped", "1");
  if (route.sort !== "newest") given.set("sort", route.sort);
  if (route.name) given.set("name", route.name);
  if (route.open) {
    given.set("v", route.open.video);
    given.set("t", `${rounded(route.open.start)},${rounded(route.open.end)}`);
  }
  const search = given.toString().replaceAll("%2C", ",");
  return `${search ? `?${search}` : "./"}${hashOf(route)}`;
}

/** @param {string | null} text */
function secondsOf(text) {
  const seconds = Number(text);
  return seconds > 0 && Number.isFinite(seconds) ? seconds : 0;
}

/** @param {string | null} text */
function dayOf(text) {
  return text && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : "";
}

/** @param {string | null} text */
const languageOf = (text) => (text && /^[a-z]{2,8}$/.test(text) ? text : "");

/**
 * @param {string | null} text
 * @returns {Route["order"]}
 */
function orderOf(text) {
  return text === "time" || text === "date" ? text : "best";
}

/**
 * @param {string | null} text
 * @returns {Route["sort"]}
 */
function sortOf(text) {
  return text === "title" || text === "length" ? text : "newest";
}

const rounded = (/** @type {number} */ seconds) => String(Math.round(seconds * 1000) / 1000);

/**
 * @param {string} hash
 * @returns {{page: Route["page"], video: string}}
 */
function pageOf(hash) {
  const [, page, video] = hash.split("/");
  if (page === "library" && video) return { page: "video", video: decoded(video) };
  if (page === "library" || page === "status") return { page, video: "" };
  return { page: "search", video: "" };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {Route} route */
function hashOf({ page, video }) {
  if (page === "search") return "";
  return page === "video" ? `#/library/${encodeURIComponent(video)}` : `#/${page}`;
}

/**
 * @param {string | null} video
 * @param {string | null} span "start,end" in seconds
 * @returns {Moment | null}
 */
function momentOf(video, span) {
  if (!video) return null;
  const [start, end] = (span ?? "0").split(",").map(Number);
  if (!(start >= 0)) return { video, start: 0, end: 0 };
  return { video, start, end: end > start ? end : start };
}

/**
 * The changes that search for a moment or a picture too; elsewhere than in a search, for that alone.
 * @param {Route} route
 * @param {import("./composed.js").Moment | import("./composed.js").Picture} part
 * @returns {Partial<Route>}
 */
export function toPart(route, part) {
  const before = route.page === "search" ? route : { query: "", ...ALONE };
  return { page: "search", query: before.query, ...joined(before, part), least: 0, open: null };
}

/**
 * The changes that search for what looks like a moment, and for nothing else: words may join it.
 * @param {string} video
 * @param {number} time seconds
 * @returns {Partial<Route>}
 */
export const toLike = (video, time) => toPart({ ...START, page: "video" }, { like: { video, time: Number(rounded(time)) }, weight: 1 });

/** @param {Route} route */
export const isAsked = (route) => isWanted(route);

/**
 * Whether two addresses ask the same, apart from what is open.
 * @param {Route} route
 */
export function asked(route) {
  return JSON.stringify([question(route), arrangement(route)]);
}

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
 * What is asked of the server.
 * @param {Route} route
 */
export function question({ query, parts, then, collection, tags, least, folder, shortest, longest, since, until, ...more }) {
  const filter = {
    ...(tags.length ? { tags } : {}),
    ...(folder ? { folder } : {}),
    ...(shortest ? { min_duration: shortest } : {}),
    ...(longest ? { max_duration: longest } : {}),
    ...(since ? { indexed_from: midnight(since, 0) } : {}),
    ...(until ? { indexed_before: midnight(until, 1) } : {}),
    ...(more.recordedSince ? { recorded_from: `${more.recordedSince}T00:00:00Z` } : {}),
    ...(more.recordedUntil ? { recorded_before: dayAfter(more.recordedUntil) } : {}),
    ...(more.lowest ? { min_height: more.lowest } : {}),
    ...(more.language ? { language: more.language } : {}),
  };
  return {
    ...partsOf({ query, parts, then }),
    ...(collection ? { collection } : {}),
    ...(Object.keys(filter).length ? { filter } : {}),
    ...(least && !isSeen({ parts }) ? { min_relevance: least } : {}),
  };
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
