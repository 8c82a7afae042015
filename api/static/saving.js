// A moment as a file of its own: the server cuts it, and the browser saves it.

import { Failure, fetched, said } from "./api.js";
import { moment } from "./format.js";

/** The server makes no longer file. */
export const LONGEST_S = 180;
const TRIES = 6;

/**
 * The address of a span of a video, made of the address of its file. Pure.
 * @param {string} file
 * @param {"clip" | "preview"} kind
 * @param {number} start seconds
 * @param {number} end seconds
 */
export function spanUrl(file, kind, start, end) {
  const three = (/** @type {number} */ seconds) => String(Math.round(seconds * 1000) / 1000);
  const [path, query = ""] = file.split("?");
  return `${path.replace(/\/file$/, `/${kind}`)}?${query ? `${query}&` : ""}start=${three(start)}&end=${three(end)}`;
}

/**
 * The machine that has the file of a video, or "" if the server has it. Pure.
 * @param {string} uri
 */
export function siteOf(uri) {
  const found = /^edge:\/\/([^/]+)\//.exec(uri);
  return found ? decodeURIComponent(found[1]) : "";
}

/**
 * Seconds after which to ask again for what the server fetches from another machine; 0 if it is there.
 * @param {Response} response
 */
export function laterOf(response) {
  return response.status === 202 ? Number(response.headers.get("retry-after")) || 1 : 0;
}

/**
 * @param {import("./components/player.js").Opened} opened
 * @returns {Promise<string>} why it failed, or ""
 */
export async function saveSpan({ file, title, start, end }) {
  for (let tries = 1; ; tries += 1) {
    try {
      let response = await fetched(spanUrl(file, "clip", start, end));
      for (let later = laterOf(response); later; later = laterOf(response)) {
        await new Promise((resolve) => { setTimeout(resolve, 1000 * later); });
        response = await fetched(spanUrl(file, "clip", start, end));
      }
      save(await response.blob(), `${title} ${moment(start)}-${moment(end)}.mp4`.replaceAll(":", "."));
      return "";
    } catch (error) {
      // One span is cut at a time: whoever comes second waits.
      const wait = error instanceof Failure ? error.retryAfter : 0;
      if (!wait || tries === TRIES) return said(error);
      await new Promise((resolve) => { setTimeout(resolve, 1000 * wait); });
    }
  }
}

/**
 * @param {Blob} content
 * @param {string} name
 */
export function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
