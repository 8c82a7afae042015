// Changes of videos that are indexed: edited at once, removed after a time in which it can be undone.

import { ask, parameters, said } from "./api.js";
import { look } from "./library.js";
import { signal } from "./vendor/signals.js";

export const UNDO_S = 10;
const LOOK_MS = 500;

/** @typedef {{id: string, title: string, collection: string, indexed: string}} Named */

/** The video that will be removed, unless somebody undoes it. */
export const removing = signal(/** @type {Named | null} */ (null));
/** Why a change failed, or "". */
export const refusal = signal("");
/** Keys of videos that the server removes or has removed. */
export const removed = signal(/** @type {ReadonlySet<string>} */ (new Set()));

/**
 * What a removed video is known by: the same video is shown in another collection, and when it is added again. Pure.
 * @param {{id: string, collection: string, indexed: string}} video
 */
export const keyOf = ({ id, collection, indexed }) => JSON.stringify([id, collection, indexed]);

let timer = 0;

/** @param {{id: string, collection: string}} video */
const path = ({ id, collection }) => `v1/videos/${encodeURIComponent(id)}${parameters({ collection })}`;

/**
 * Wait until a job has ended.
 * @param {{id: string}} job
 * @returns {Promise<string>} why it failed, or ""
 */
export async function ended(job) {
  for (;;) {
    const { state, reason } = await ask(`v1/jobs/${job.id}`);
    if (state === "done") return "";
    if (state === "failed" || state === "cancelled") return reason || state;
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
  }
}

/**
 * @param {{id: string, collection: string}} video
 * @param {{title?: string, tags?: string[]}} changes
 * @returns {Promise<string>} why it failed, or ""
 */
export async function edit(video, changes) {
  try {
    return await ended(await ask(path(video), { method: "PATCH", json: changes }));
  } catch (error) {
    return said(error);
  }
}

/** @param {Named} video */
export function remove(video) {
  finish();
  removing.value = video;
  timer = window.setTimeout(finish, UNDO_S * 1000);
}

export function undo() {
  clearTimeout(timer);
  removing.value = null;
}

/** Remove what waits for it. If the page is closed before, nothing is removed. */
async function finish() {
  clearTimeout(timer);
  const video = removing.peek();
  if (!video) return;
  removing.value = null;
  removed.value = new Set([...removed.peek(), keyOf(video)]);
  try {
    const reason = await ended(await ask(path(video), { method: "DELETE" }));
    if (reason) restore(video, reason);
    else look();
  } catch (error) {
    restore(video, said(error));
  }
}

/**
 * @param {Named} video
 * @param {string} reason
 */
function restore(video, reason) {
  removed.value = new Set([...removed.peek()].filter((key) => key !== keyOf(video)));
  refusal.value = reason;
}

/**
 * "a, b" as ["a", "b"]: trimmed, each once. Pure.
 * @param {string} text
 */
export const tagsIn = (text) => [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];
