// The address of the page: what is asked, what is filtered, which moment is open. Pure.

/**
 * @typedef {{video: string, start: number, end: number}} Moment
 * @typedef {object} Route
 * @property {"search" | "library" | "video" | "status"} page
 * @property {string} video the id of the video that the page shows, or ""
 * @property {string} query
 * @property {string} collection its name, or "" for the default of the server
 * @property {string[]} tags
 * @property {number} least relevance, 0 for all
 * @property {"best" | "time"} order
 * @property {boolean} grouped by video
 * @property {Moment | null} open the moment in the player
 */

/** @type {Route} */
export const START = {
  page: "search", video: "", query: "", collection: "", tags: [], least: 0, order: "best", grouped: false, open: null,
};

/**
 * @param {{search: string, hash: string}} address
 * @returns {Route}
 */
export function read({ search, hash }) {
  const given = new URLSearchParams(search);
  const least = Number(given.get("min"));
  return {
    ...pageOf(hash),
    query: (given.get("q") ?? "").trim(),
    collection: given.get("collection") ?? "",
    tags: given.getAll("tag"),
    least: least > 0 && least <= 1 ? least : 0,
    order: given.get("order") === "time" ? "time" : "best",
    grouped: given.has("grouped"),
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
  if (route.collection) given.set("collection", route.collection);
  for (const tag of route.tags) given.append("tag", tag);
  if (route.least) given.set("min", String(route.least));
  if (route.order !== "best") given.set("order", route.order);
  if (route.grouped) given.set("grouped", "1");
  if (route.open) {
    given.set("v", route.open.video);
    given.set("t", `${rounded(route.open.start)},${rounded(route.open.end)}`);
  }
  const search = given.toString().replaceAll("%2C", ",");
  return `${search ? `?${search}` : "./"}${hashOf(route)}`;
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
 * Whether two addresses ask the same, apart from how the answer is shown.
 * @param {Route} route
 */
export function asked({ query, collection, tags, least }) {
  return JSON.stringify([query, collection, tags, least]);
}
