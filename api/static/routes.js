// The address of the page: what is asked, what is filtered, which moment is open. Pure.

import { ALONE, composedOf, isWanted, joined, writeComposed } from "./composed.js";
import { FIELDS } from "./question.js";

/**
 * @typedef {{video: string, start: number, end: number}} Moment
 * @typedef {object} Route
 * @property {"search" | "library" | "video" | "live" | "review" | "status"} page
 * @property {string} video the id of the video that the page shows, or ""
 * @property {string} query
 * @property {import("./composed.js").Part[]} parts what else is wanted, and what is not
 * @property {import("./composed.js").Step[]} then what must follow, in order
 * @property {string} collection its name, or "" for the default of the server
 * @property {string[]} tags
 * @property {string[]} marks tags on spans, all of which each moment must overlap
 * @property {number} least relevance, 0 for all
 * @property {string[]} cameras whose recordings are searched, or none for all videos
 * @property {string} folder the beginning of the videos' uris, or "" for all
 * @property {string} title the beginning of the titles of the videos, or "" for all
 * @property {number} shortest seconds that a video must have, or 0
 * @property {number} longest seconds that a video may have, or 0 for all
 * @property {string} since the first day on which videos were indexed, such as "2026-11-28", or ""
 * @property {string} until the last such day, or ""
 * @property {string} recordedSince the first day, in UTC, on which videos were recorded, or ""
 * @property {string} recordedUntil the last such day, or ""
 * @property {number} lowest rows of pixels that pictures must have, or 0
 * @property {number} highest rows of pixels that pictures may have, or 0 for all
 * @property {string} language in which something must be said or written, such as "en", or ""
 * @property {(typeof FIELDS)[number][]} fields where sentences are searched, or none for everywhere
 * @property {boolean} sharpen whether moments are cut to the frames that show what is asked for
 * @property {"best" | "time" | "date"} order
 * @property {boolean} grouped by video
 * @property {"newest" | "title" | "length"} sort the order of the library
 * @property {string} name words of the titles of the videos that the library shows, or ""
 * @property {Moment | null} open the moment in the player
 */

/**
 * @type {Pick<Route, "tags" | "marks" | "least" | "cameras" | "folder" | "title" | "shortest" | "longest" | "since" | "until"
 *   | "recordedSince" | "recordedUntil" | "lowest" | "highest" | "language" | "fields" | "sharpen">}
 */
export const NO_FILTERS = {
  tags: [], marks: [], least: 0, cameras: [], folder: "", title: "", shortest: 0, longest: 0, since: "", until: "",
  recordedSince: "", recordedUntil: "", lowest: 0, highest: 0, language: "", fields: [], sharpen: false,
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
    marks: given.getAll("mark"),
    least: least > 0 && least <= 1 ? least : 0,
    cameras: given.getAll("camera"),
    folder: given.get("folder") ?? "",
    title: (given.get("title") ?? "").trim(),
    shortest: secondsOf(given.get("longer")),
    longest: secondsOf(given.get("shorter")),
    since: dayOf(given.get("since")),
    until: dayOf(given.get("until")),
    recordedSince: dayOf(given.get("from")),
    recordedUntil: dayOf(given.get("to")),
    lowest: Math.floor(secondsOf(given.get("height"))),
    highest: Math.floor(secondsOf(given.get("upto"))),
    language: languageOf(given.get("language")),
    fields: FIELDS.filter((field) => given.getAll("in").includes(field)),
    sharpen: given.has("sharpen"),
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
  for (const tag of route.marks) given.append("mark", tag);
  if (route.least) given.set("min", String(route.least));
  for (const camera of route.cameras) given.append("camera", camera);
  if (route.folder) given.set("folder", route.folder);
  if (route.title) given.set("title", route.title);
  if (route.shortest) given.set("longer", String(route.shortest));
  if (route.longest) given.set("shorter", String(route.longest));
  if (route.since) given.set("since", route.since);
  if (route.until) given.set("until", route.until);
  if (route.recordedSince) given.set("from", route.recordedSince);
  if (route.recordedUntil) given.set("to", route.recordedUntil);
  if (route.lowest) given.set("height", String(route.lowest));
  if (route.highest) given.set("upto", String(route.highest));
  if (route.language) given.set("language", route.language);
  for (const field of route.fields) given.append("in", field);
  if (route.sharpen) given.set("sharpen", "1");
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
  if (page === "library" || page === "live" || page === "review" || page === "status") return { page, video: "" };
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
