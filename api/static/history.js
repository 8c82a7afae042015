// The ingests and jobs that have ended: joining pages, and how fast they were. Pure.

/** @typedef {import("./types.js").Work} Work */

/**
 * The history with what has ended since; if there is a gap between both, the newest alone.
 * @param {Work[]} known the newest first
 * @param {Work[]} newest the first page, as it is now
 */
export function joined(known, newest) {
  const last = newest.at(-1)?.id ?? 0;
  const place = known.findIndex(({ id }) => id === last);
  return place < 0 ? newest : [...newest, ...known.slice(place + 1)];
}

/**
 * Frames and seconds of video for each second that it took, or null if nothing was read.
 * @param {Work} work
 */
export function rateOf({ frames, seconds, video_seconds: length }) {
  return frames > 0 && seconds > 0 ? { frames: frames / seconds, video: length / seconds } : null;
}

/**
 * What became of the videos, as keys of messages with numbers; a number of zero is left out.
 * @param {Work} work
 * @returns {{key: "workIndexed" | "workSkipped" | "workFailed", count: number}[]}
 */
export function fatesOf({ indexed, incomplete, unchanged, failed }) {
  return /** @type {const} */ ([
    ["workIndexed", indexed + incomplete], ["workSkipped", unchanged], ["workFailed", failed],
  ]).filter(([, count]) => count > 0).map(([key, count]) => ({ key, count }));
}
