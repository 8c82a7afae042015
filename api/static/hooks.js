// What components share.

import { repeat } from "./polling.js";
import { useEffect, useLayoutEffect, useRef, useState } from "./vendor/preact.js";
import { effect } from "./vendor/signals.js";

/**
 * The value of a signal; the component is drawn again when it changes.
 * @template T
 * @param {import("./vendor/signals.js").ReadonlySignal<T>} source
 * @returns {T}
 */
export function useValue(source) {
  const [, changed] = useState({});
  const drawn = source.peek();
  useLayoutEffect(() => {
    let last = drawn;
    return effect(() => {
      const { value } = source;
      if (value !== last) changed({});
      last = value;
    });
  }, [source]);
  return drawn;
}

/**
 * What is in a field whose chosen value is in the address. What somebody types stays while the page is drawn
 * again, until another value is chosen.
 * @template T
 * @param {T} chosen
 * @returns {[T, (typed: T) => void]}
 */
export function useDraft(chosen) {
  const [, changed] = useState({});
  const draft = useRef({ chosen, typed: chosen });
  // An effect would be late: letters that were typed before it ran would be lost.
  if (draft.current.chosen !== chosen) draft.current = { chosen, typed: chosen };
  /** @param {T} typed */
  const type = (typed) => {
    draft.current.typed = typed;
    changed({});
  };
  return [draft.current.typed, type];
}

/**
 * Ask for something now and after each pause, while the component is there and somebody sees the page.
 * @param {() => Promise<void>} look
 * @param {number} pauseMs
 */
export function useLook(look, pauseMs) {
  const latest = useRef(look);
  latest.current = look;
  useEffect(() => repeat(() => latest.current(), pauseMs), []);
}

/**
 * Do something when an element comes near the window, each time that `key` is another one.
 * @param {() => void} action
 * @param {string | null} key
 */
export function useNear(action, key) {
  /** @type {{current: HTMLElement | null}} */
  const element = useRef(null);
  useEffect(() => {
    if (!element.current || key === null) return undefined;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && action(),
      { rootMargin: "800px" },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [key]);
  return element;
}
