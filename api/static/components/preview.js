// A moment that plays without sound on its card, while somebody points at it, at most one at a time.

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { signal } from "../vendor/signals.js";
import { useValue } from "../hooks.js";

const PATIENCE_MS = { pointer: 200, focus: 500, touch: 450 };

/** Which moment plays on its card, or "". */
const previewed = signal("");
/** Files that this browser could not play; they are not tried again. */
const unplayable = new Set();

/**
 * @param {string} key of the moment
 * @returns {[boolean, Record<string, (event: any) => void>]} whether it plays, and its handlers
 */
export function usePreview(key) {
  const now = useValue(previewed);
  const [held, hold] = useState(false);
  const timer = useRef(0);
  const end = () => {
    clearTimeout(timer.current);
    if (previewed.peek() === key) previewed.value = "";
  };
  useEffect(() => end, [key]);
  /** @param {keyof typeof PATIENCE_MS} why */
  const begin = (why) => {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      previewed.value = key;
      if (why === "touch") hold(true);
    }, PATIENCE_MS[why]);
  };
  return [now === key, {
    onPointerEnter: (event) => event.pointerType === "mouse" && begin("pointer"),
    onPointerLeave: end,
    onFocus: (event) => event.target.matches(":focus-visible") && begin("focus"),
    onBlur: end,
    onTouchStart: () => { hold(false); begin("touch"); },
    onTouchMove: end,
    onTouchEnd: (event) => {
      // A long touch looks, and does not open.
      if (held) event.preventDefault();
      end();
    },
    onContextMenu: (event) => held && event.preventDefault(),
  }];
}

/** @param {{url: string, start: number, end: number}} props */
export function Preview({ url, start, end }) {
  const [file] = url.split("#");
  const [seen, see] = useState(false);
  /** @type {{current: HTMLVideoElement | null}} */
  const video = useRef(null);
  useEffect(() => {
    const { current } = video;
    if (!current) return undefined;
    current.muted = true; // an attribute would come too late for the rules about sound
    current.play().catch(() => {});
    return () => current.removeAttribute("src");
  }, []);
  if (unplayable.has(file)) return null;
  const around = () => {
    const { current } = video;
    if (!current || current.currentTime < end - 0.03) return;
    current.currentTime = start;
    current.play().catch(() => {});
  };
  return html`
    <video ref=${video} class=${seen ? "preview seen" : "preview"} src="${file}#t=${start}" muted playsinline
      preload="auto" tabindex="-1" aria-hidden="true" disablepictureinpicture
      onPlaying=${() => see((video.current?.videoWidth ?? 0) > 0)}
      onTimeUpdate=${around} onEnded=${around} onError=${() => unplayable.add(file)}></video>
  `;
}
