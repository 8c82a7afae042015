// What components share.

import { useLayoutEffect, useState } from "./vendor/preact.js";
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
 * Focus something after the page was drawn.
 * @param {string} selector
 */
export function focusSoon(selector) {
  requestAnimationFrame(() => {
    const found = document.querySelector(selector);
    if (found instanceof HTMLElement) found.focus();
  });
}
