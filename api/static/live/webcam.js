// The webcam of this browser: asked for a ticket, sent by WebSocket, and sent on whichever page is shown.

import { ask, said } from "../api.js";
import { t } from "../language.js";
import { signal } from "../vendor/signals.js";

/** What is sent, the first that the browser can make: H.264, which is also played live, then what is only searched. */
const KINDS = ["video/webm;codecs=h264", "video/mp4;codecs=avc1", "video/webm;codecs=vp9", "video/webm;codecs=vp8"];
const PIECE_MS = 250;
const KEYFRAME_MS = 1000;
const BITS_A_SECOND = 1_500_000;
const AGAIN_MS = 1000;
const LONGEST_MS = 15_000;
const BEHIND_BYTES = 2 ** 21; // more than that waits in the browser, and the stream begins anew
const WANTED = { video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 15 } }, audio: false };

/**
 * The camera that this page sends, and why it does not just now.
 * @type {import("../vendor/signals.js").Signal<{name: string, reason: string} | null>}
 */
export const sending = signal(null);

/** @type {(() => void) | null} */
let end = null;

/** @param {readonly string[]} kinds that the browser can make @returns {string} the one to send, or "" */
export const kindOf = (kinds) => KINDS.find((kind) => kinds.includes(kind)) ?? "";

/** How long to wait before the next attempt. @param {number} failures in a row */
export const pauseMs = (failures) => Math.min(LONGEST_MS, AGAIN_MS * 2 ** failures);

/** The number of a `begin`, or 0 for `stop`. @param {string} text */
export const numberOf = (text) => Number(/^begin (\d{1,9})$/.exec(text)?.[1] ?? 0);

/**
 * Ask for the pictures of the webcam; the browser asks the reader first.
 * @returns {Promise<MediaStream>}
 */
export async function pictures() {
  if (!navigator.mediaDevices || !globalThis.MediaRecorder) throw new TypeError(t("webcamInsecure"));
  return navigator.mediaDevices.getUserMedia(WANTED);
}

/**
 * Say why there are no pictures.
 * @param {unknown} error of `pictures`
 */
export function whyNot(error) {
  if (!(error instanceof DOMException)) return error instanceof TypeError ? error.message : said(error);
  return t(error.name === "NotAllowedError" ? "webcamDenied" : "webcamMissing");
}

export function stopSending() {
  end?.();
  end = null;
  sending.value = null;
}

/**
 * Send the pictures until `stopSending`; a connection that ends is opened again.
 * @param {string} name of the camera
 * @param {MediaStream} stream
 */
export function send(name, stream) {
  stopSending();
  let over = false;
  let failures = 0;
  /** @type {WebSocket | null} */
  let socket = null;
  end = () => {
    over = true;
    socket?.close();
    for (const track of stream.getTracks()) track.stop();
  };
  sending.value = { name, reason: "" };
  stream.getVideoTracks()[0]?.addEventListener("ended", () => !over && stopSending());
  const go = async () => {
    try {
      const { path, protocols } = await ask(`v1/cameras/${encodeURIComponent(name)}/feed`, { method: "POST" });
      if (over) return;
      const began = Date.now();
      socket = new WebSocket(new URL(path, document.baseURI.replace(/^http/, "ws")), protocols);
      await carried(socket, stream);
      failures = Date.now() - began > LONGEST_MS ? 0 : failures + 1;
      if (!over) sending.value = { name, reason: "" };
    } catch (error) {
      failures += 1;
      if (!over) sending.value = { name, reason: said(error) };
    }
    if (!over) setTimeout(go, pauseMs(failures));
  };
  go();
}

/**
 * Send a stream from its beginning each time that the server wants one, until the connection ends.
 * @param {WebSocket} socket
 * @param {MediaStream} stream
 * @returns {Promise<void>}
 */
function carried(socket, stream) {
  const mimeType = kindOf(KINDS.filter((kind) => MediaRecorder.isTypeSupported(kind)));
  /** @type {MediaRecorder | null} */
  let recorder = null;
  const stop = () => {
    if (recorder && recorder.state !== "inactive") recorder.stop();
    recorder = null;
  };
  /** @param {number} number */
  const begin = (number) => {
    stop();
    socket.send(`begin ${number}`);
    /** @type {any} */
    const options = { mimeType, videoBitsPerSecond: BITS_A_SECOND, videoKeyFrameIntervalDuration: KEYFRAME_MS };
    const mine = new MediaRecorder(stream, options);
    mine.addEventListener("dataavailable", ({ data }) => {
      if (recorder !== mine || !data.size || socket.readyState !== WebSocket.OPEN) return;
      if (socket.bufferedAmount > BEHIND_BYTES) socket.close(); // the network is too slow: what is old is not live
      else socket.send(data);
    });
    recorder = mine;
    mine.start(PIECE_MS);
  };
  return new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      const number = numberOf(String(data));
      if (number) begin(number);
      else stop();
    });
    socket.addEventListener("close", () => {
      stop();
      resolve();
    });
  });
}
