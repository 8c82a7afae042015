// The picture itself: the video, its keys, and what is shown where it cannot be played.

import { problemOf } from "../api.js";
import { moment } from "../format.js";
import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { isRedacted } from "../library.js";
import { laterOf, spanUrl } from "../saving.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { helping } from "./help.js";

const FRAME_S = 1 / 25; // until the browser has told how far pictures are apart
const TRIES = 10; // of a preview that has to wait for another one
const RETRY_MS = 1500;
const SHORTEST_S = 0.004; // of one picture: 250 a second
const LONGEST_S = 0.25;
const LEAP_S = 0.8; // a step of more than this between two looks is a seek

/**
 * @param {object} props
 * @param {{current: HTMLVideoElement | null}} props.video
 * @param {import("./player.js").Opened} props.opened
 * @param {import("./playing.js").Span | null} props.preview what is played instead of the file
 * @param {() => number} props.now
 * @param {string} props.still the address of a picture
 * @param {boolean} props.passed
 * @param {boolean} props.loop
 * @param {string} props.failure
 * @param {(why: string, isKind: boolean) => void} props.cannot
 * @param {() => void} props.ended
 * @param {() => void} props.pass
 * @param {any} props.keys
 * @param {any} [props.children] what is shown over the picture
 */
export function Stage({ video, opened, preview, now, still, passed, loop, failure, cannot, ended, pass, keys, children }) {
  const { file, start, end } = opened;
  const stage = useRef(/** @type {HTMLElement | null} */ (null));
  const played = preview ? spanUrl(file, "preview", preview.start, preview.end) : file;
  const offset = preview?.start ?? 0;
  const redacted = useValue(isRedacted);
  // What is at another machine is played as a preview alone, and only once that is here.
  const here = useFetched(opened.site ? (preview ? played : "") : null, cannot);
  const frame = useFrameLength(video, played);

  useLayoutEffect(() => stage.current?.focus(), []);
  useEffect(() => {
    const { current } = video;
    if (!current || !here) return;
    // Without the end, so that the browser does not stop there a second time on "Play on".
    if (current.dataset.file === played) current.currentTime = start - offset;
    else current.src = preview ? played : `${played}#t=${start}`;
    current.dataset.file = played;
    current.play().catch(() => {}); // refused if the browser allows no sound yet
  }, [played, start, failure, here]);
  useEndOfMoment(video, { start: start - offset, end: end - offset, passed, loop, ended });
  useEffect(() => {
    const listener = (/** @type {KeyboardEvent} */ event) => playerKey(event, video.current, now(), frame.current, keys);
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  });

  const tries = useRef(0);
  useEffect(() => { tries.current = 0; }, [played]);
  const explain = async () => {
    const { why, isKind, isBusy } = await reason(played);
    const { current } = video;
    if (current?.dataset.file !== played) return;
    if (!isBusy || (tries.current += 1) > TRIES) cannot(why, Boolean(isKind));
    else setTimeout(() => video.current?.dataset.file === played && video.current.load(), RETRY_MS);
  };
  const check = () => {
    // A file whose pictures the browser cannot decode plays as sound alone, without any error.
    if (video.current && video.current.videoWidth === 0) cannot(t("cannotShow"), true);
  };
  const seeking = () => {
    const time = now();
    if (!loop && (time > end + 0.25 || time < start - 1)) pass();
  };
  return html`
    <div class="stage" ref=${stage} tabindex="-1" autofocus>
      ${failure
        ? html`
          ${still && html`<img class="still" src=${still} alt="" />`}
          <div id="player-error" class="notice error" role="alert">
            <p><strong>${failure}</strong></p>
            <p>${t("cannotPlayDetail", { time: moment(start) })}</p>
          </div>`
        : html`
          <video ref=${video} id="video" controls playsinline preload="auto" poster=${still} aria-label=${opened.title}
            onLoadedData=${check} onError=${explain} onSeeking=${seeking}
            onEnded=${() => preview && preview.end < opened.duration && keys.seek(preview.end)}></video>
          ${preview && html`<p id="preview-note" class="preview-note" role="status">
            ${here ? (opened.site ? t("sentBy", { site: opened.site }) : t(redacted ? "previewedRedacted" : "previewed")) : t("fetching", { site: opened.site })}</p>`}`}
      ${redacted && !preview && html`<p class="preview-note redacted" role="note">${t("redacted")}</p>`}
      ${children}
    </div>
  `;
}

/**
 * Why a file does not play: what the server says, or that the browser does not know its kind.
 * @param {string} file
 * @returns {Promise<{why: string, isKind?: boolean, isBusy?: boolean}>} the sentence, whether a
 *   preview plays instead (of another kind, or of a redacted video), and whether it is worth trying
 *   again, because one preview is made at a time
 */
async function reason(file) {
  try {
    const response = await fetch(file, { headers: { Range: "bytes=0-0" } });
    if (response.ok) {
      await response.body?.cancel();
      return { why: t("cannotPlay"), isKind: true };
    }
    const { detail, type, request_id: id } = await problemOf(response);
    const isRefused = response.status === 403 && Boolean(type?.endsWith("/problems/redacted"));
    const isBusy = response.status === 503 && response.headers.has("retry-after");
    return { why: `${detail} ${id ? t("request", { id }) : ""}`.trim(), isKind: isRefused, isBusy };
  } catch {
    return { why: t("serverAway") };
  }
}

/**
 * Wait until the server has what it fetches from another machine.
 * @param {string | null} file null if nothing is fetched, "" if it is not known yet what
 * @param {(why: string, isKind: boolean) => void} cannot
 * @returns {boolean} whether it can be played
 */
function useFetched(file, cannot) {
  const [there, set] = useState("");
  useEffect(() => {
    if (!file) return undefined;
    let timer = 0;
    let mine = true;
    const ask = async () => {
      const response = await fetch(file, { headers: { Range: "bytes=0-0" } }).catch(() => null);
      if (!mine) return;
      const later = response ? laterOf(response) : 0;
      if (later) timer = window.setTimeout(ask, 1000 * later);
      else if (response?.ok) set(file);
      else cannot((await reason(file)).why, false);
      response?.body?.cancel();
    };
    ask();
    return () => {
      mine = false;
      clearTimeout(timer);
    };
  }, [file]);
  return file === null || (file !== "" && there === file);
}

/**
 * Stop or go around where the moment ends, as exactly as pictures are drawn.
 * @param {{current: HTMLVideoElement | null}} video
 * @param {{start: number, end: number, passed: boolean, loop: boolean, ended: () => void}} moment
 */
function useEndOfMoment(video, { start, end, passed, loop, ended }) {
  useEffect(() => {
    if (passed && !loop) return undefined;
    let asked = 0;
    let last = Infinity;
    const look = () => {
      asked = requestAnimationFrame(look);
      const { current } = video;
      if (!current || current.seeking) return;
      const now = current.currentTime;
      // Only playing leads over the end: a seek is a wish to be there, and so is "Play on".
      const isOver = !current.paused && last < end && now >= end && now - last < LEAP_S;
      last = now;
      if (!isOver) return;
      if (loop) {
        current.currentTime = start;
        return;
      }
      current.pause();
      ended();
    };
    look();
    return () => cancelAnimationFrame(asked);
  }, [start, end, passed, loop]);
}

/**
 * How long one picture is shown, learned while the video plays.
 * @param {{current: HTMLVideoElement | null}} video
 * @param {string} file
 */
function useFrameLength(video, file) {
  const length = useRef(FRAME_S);
  useEffect(() => {
    const { current } = video;
    length.current = FRAME_S;
    if (!current?.requestVideoFrameCallback) return undefined;
    let last = -1;
    let asked = 0;
    let learned = LONGEST_S;
    const look = (/** @type {number} */ _now, /** @type {{mediaTime: number}} */ { mediaTime }) => {
      const gap = mediaTime - last;
      // The first picture may be from before a seek.
      if (last >= 0 && gap > SHORTEST_S && gap < learned) length.current = learned = gap;
      last = mediaTime;
      asked = current.requestVideoFrameCallback(look);
    };
    asked = current.requestVideoFrameCallback(look);
    return () => current.cancelVideoFrameCallback(asked);
  }, [file]);
  return length;
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLVideoElement | null} video
 * @param {number} time seconds
 * @param {number} frame seconds
 * @param {any} keys
 */
function playerKey(event, video, time, frame, keys) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || helping.peek()) return;
  const active = document.activeElement;
  const onControl = active instanceof HTMLButtonElement || active instanceof HTMLAnchorElement;
  // In the video itself the browser has its keys for arrows and space, and buttons have theirs.
  if (active instanceof HTMLInputElement) return;
  if (event.key === " " && (onControl || active === video)) return;
  if (event.key.startsWith("Arrow") && active === video) return;
  const step = (/** @type {number} */ seconds) => {
    video?.pause();
    keys.seek(time + seconds);
  };
  const toggle = () => (video?.paused ? keys.play() : video?.pause());
  /** @type {Record<string, () => void>} */
  const actions = {
    " ": toggle,
    k: toggle,
    j: () => keys.seek(time - 1),
    l: () => keys.seek(time + 1),
    ",": () => step(-frame),
    ".": () => step(frame),
    a: keys.again,
    r: keys.loop,
    ArrowLeft: () => keys.move(-1),
    ArrowRight: () => keys.move(1),
  };
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
}
