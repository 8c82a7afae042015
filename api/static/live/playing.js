// A camera as it is now: fragments of its recording, as they are written, joined by a Media Source.
// Chromium and Firefox have MediaSource, Safari has it too and ManagedMediaSource on phones.

import { fetched } from "../api.js";

const BEHIND_S = 2; // more than that, and the picture jumps to now
const MARGIN_S = 0.4; // of the newest picture, so that the next one is there in time
const KEPT_S = 20; // behind what is shown

/** @returns {any} what joins fragments in this browser, or null */
export const joiner = () => /** @type {any} */ (globalThis).ManagedMediaSource ?? globalThis.MediaSource ?? null;

/**
 * Where to jump to, or null where the picture is near enough. Pure.
 * @param {number} shown seconds
 * @param {number} newest seconds
 */
export const jump = (shown, newest) => (newest - shown > BEHIND_S ? newest - MARGIN_S : null);

/**
 * Show a camera in a video until the signal says stop or the stream ends.
 * @param {HTMLVideoElement} video
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {Promise<"ended" | "unplayable">}
 */
export async function follow(video, path, signal) {
  const response = await fetched(path, { signal });
  const kind = response.headers.get("content-type") ?? "";
  const Source = joiner();
  if (!Source?.isTypeSupported(kind) || !response.body) return "unplayable";
  const source = new Source();
  const url = URL.createObjectURL(source);
  video.disableRemotePlayback = true;
  video.src = url;
  try {
    await new Promise((resolve) => source.addEventListener("sourceopen", resolve, { once: true }));
    const buffer = source.addSourceBuffer(kind);
    buffer.mode = "sequence"; // chunks follow each other, whatever times they begin at
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "ended";
      await appended(buffer, value);
      await keepUp(video, buffer);
      if (video.paused) video.play().catch(() => {}); // not awaited: it waits for what is appended next
    }
  } finally {
    URL.revokeObjectURL(url);
    video.removeAttribute("src");
    video.load();
  }
}

/**
 * @param {SourceBuffer} buffer
 * @param {Uint8Array} bytes
 */
async function appended(buffer, bytes) {
  await changed(buffer, () => buffer.appendBuffer(/** @type {any} */ (bytes)));
}

/**
 * @param {SourceBuffer} buffer
 * @param {() => void} change
 */
function changed(buffer, change) {
  return new Promise((resolve, reject) => {
    buffer.addEventListener("updateend", resolve, { once: true });
    buffer.addEventListener("error", () => reject(new TypeError("the stream cannot be decoded")), { once: true });
    change();
  });
}

/**
 * Stay near what is new, and forget what was shown long ago.
 * @param {HTMLVideoElement} video
 * @param {SourceBuffer} buffer
 */
async function keepUp(video, buffer) {
  const { buffered } = buffer;
  if (!buffered.length) return;
  const newest = buffered.end(buffered.length - 1);
  const to = video.currentTime < buffered.start(0) ? buffered.start(0) : jump(video.currentTime, newest);
  if (to !== null) video.currentTime = to;
  const before = video.currentTime - KEPT_S;
  if (!buffer.updating && buffered.start(0) < before) await changed(buffer, () => buffer.remove(0, before));
}
