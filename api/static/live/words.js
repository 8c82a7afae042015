// What is said of cameras, alerts and watches. Pure.

import { t } from "../language.js";

/** @typedef {import("../types.js").Camera} Camera */
/** @typedef {import("../types.js").Watch} Watch */
/** @typedef {import("../types.js").Alert} Alert */

/** How a state looks. @type {Record<Camera["state"], "sure" | "maybe" | "weak">} */
const LOOKS = { live: "sure", connecting: "maybe", waiting: "maybe", stalled: "maybe", failed: "maybe", paused: "weak" };

/** @param {Pick<Camera, "state">} camera */
export const looksOf = ({ state }) => LOOKS[state] ?? "maybe";

/**
 * Whether somebody may administer a camera: only they see its address.
 * @param {Pick<Camera, "address">} camera
 */
export const isOurs = ({ address }) => address !== null;

/**
 * A name that no camera has yet: the wanted one, or that with a number.
 * @param {string} wanted
 * @param {readonly string[]} names
 */
export function freeName(wanted, names) {
  const numbered = names.map((_, index) => `${wanted}-${index + 2}`);
  return [wanted, ...numbered].find((name) => !names.includes(name)) ?? wanted;
}

/**
 * What a camera answered when it was tested.
 * @param {import("../types.js").CameraTest} found
 */
export function toldOf({ works, reason, coding, rate, width, height }) {
  if (!works) return t("testFailed", { reason });
  return t("testWorks", { coding, size: `${width} × ${height}`, fps: rate });
}

/**
 * The address of the newest picture of a camera. It changes with the frames that were looked at, so that a browser
 * asks for no picture twice.
 * @param {Pick<Camera, "name" | "embedded">} camera
 */
export const stillUrl = ({ name, embedded }) =>
  `v1/cameras/${encodeURIComponent(name)}/thumbnail?frame=${embedded}`;

/**
 * The route that a moment is opened by.
 * @param {{video_id: string, start: number, end: number, collection: string}} moment
 */
export const momentOf = ({ video_id: video, start, end, collection }) => ({ collection, open: { video, start, end } });

/**
 * Alerts with new ones before them, each once, and no more than so many.
 * @param {Alert[]} known the newest first
 * @param {Alert[]} more
 * @param {number} most
 */
export function withAlerts(known, more, most) {
  const there = new Set(known.map(({ id }) => id));
  return [...more.filter(({ id }) => !there.has(id)), ...known].slice(0, most);
}

/**
 * The search that a watch was made of, as a route; null if it has a picture, which nobody keeps for an address.
 * @param {Pick<Watch, "parts" | "then" | "collection">} watch
 */
export function routeOf({ parts, then, collection }) {
  const first = stepOf(parts);
  const steps = then.map((step) => ({ ...stepOf(step.parts), within: step.within }));
  if ([parts, ...then.map((step) => step.parts)].some((all) => all.some(({ picture }) => picture))) return null;
  return { page: /** @type {const} */ ("search"), collection, ...first, then: steps, open: null };
}

/**
 * What a watch asks for, to try it; null if it has a picture, which no answer has.
 * @param {Pick<Watch, "parts" | "then" | "collection" | "fields">} watch
 */
export function queryOf({ parts, then, collection, fields }) {
  if ([parts, ...then.map((step) => step.parts)].some((all) => all.some(({ picture }) => picture))) return null;
  const steps = then.map((step) => ({ within: step.within, parts: step.parts.map(askedOf) }));
  return { collection, fields, parts: parts.map(askedOf), ...(steps.length ? { then: steps } : {}) };
}

/** @param {import("../types.js").WatchedPart} part */
const askedOf = ({ text, like, weight }) => (typeof text === "string" ? { text, weight } : { like, weight });

/** @param {import("../types.js").WatchedPart[]} parts */
function stepOf(parts) {
  const [first, ...rest] = parts;
  const isQuery = first && typeof first.text === "string" && first.weight === 1;
  return { query: isQuery ? first.text ?? "" : "", parts: (isQuery ? rest : parts).flatMap(partOf) };
}

/**
 * @param {import("../types.js").WatchedPart} part
 * @returns {import("../composed.js").Part[]}
 */
function partOf({ text, like, weight }) {
  if (typeof text === "string") return [{ text, weight }];
  return like ? [{ like: { video: like.video_id, time: like.time }, weight }] : [];
}

/**
 * What of a search a watch asks for: where it looks and what it looks for, without filters and order.
 * @param {Record<string, any>} question
 */
export function watched(question) {
  const names = ["query", "like", "image", "parts", "then", "collection", "fields"];
  return Object.fromEntries(Object.entries(question).filter(([name]) => names.includes(name)));
}

/**
 * A time of day in minutes as two numbers, "" if it is not one.
 * @param {string} from
 * @param {string} to
 * @param {string} zone of the browser
 */
export const hoursOf = (from, to, zone) => (from || to ? { hours: { start: from || "00:00", end: to || "24:00", zone } } : {});
