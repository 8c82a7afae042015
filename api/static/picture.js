// A picture that somebody searches with: made small in the browser, so that little of it is sent.

import { MOST, room, withPart } from "./composed.js";
import { t } from "./language.js";
import { go, route } from "./navigation.js";
import { toPart } from "./routes.js";
import { signal } from "./vendor/signals.js";

const SIDE = 512; // pixels of the longer side: models see no more
const QUALITY = 0.9;

/** @typedef {{image: string, preview: HTMLCanvasElement}} Picture `image` is a JPEG in base64 */

/** Why the last picture could not be taken, or "". */
export const refused = signal("");

/**
 * The first picture among files, if there is one.
 * @param {Iterable<File>} files
 */
export const pictureIn = (files) => [...files].find(({ type }) => type.startsWith("image/")) ?? null;

/**
 * Search for what looks like a picture, too.
 * @param {Blob} file
 * @param {number} step that it is a part of: 0 for the first one
 */
export async function searchWith(file, step = 0) {
  refused.value = "";
  const before = route.peek();
  if (before.page === "search" && room(step ? before.then[step - 1] : before) < 1) {
    refused.value = t("partsFull", { count: MOST });
    return;
  }
  let preview;
  try {
    preview = drawn(await createImageBitmap(file));
  } catch {
    refused.value = t("pictureUnread");
    return;
  }
  const image = preview.toDataURL("image/jpeg", QUALITY).split(",")[1];
  const part = { picture: { image, preview }, weight: 1 };
  const now = route.peek();
  if (step && now.then[step - 1]) go({ then: withPart(now.then, step - 1, part), least: 0, open: null });
  else go(toPart(now, part));
}

/**
 * A picture on white, no larger than needed.
 * @param {ImageBitmap} bitmap
 */
function drawn(bitmap) {
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas;
}
