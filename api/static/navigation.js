// Where the reader is: the route as a signal, and the steps of the browser's history.

import { hasPicture } from "./composed.js";
import { asked } from "./question.js";
import { read, START, write } from "./routes.js";
import { signal } from "./vendor/signals.js";

/** @type {import("./vendor/signals.js").Signal<import("./routes.js").Route>} */
export const route = signal(START);

/**
 * What is asked in each entry of the history that has a picture, which its address cannot have; until the page is left.
 * @type {Map<string, import("./composed.js").Composed>}
 */
const pictured = new Map();

export function follow() {
  route.value = read(location);
  addEventListener("popstate", () => {
    const found = read(location);
    route.value = { ...found, ...pictured.get(history.state?.pictured) };
  });
}

/**
 * Go to another address of the page.
 * @param {Partial<import("./routes.js").Route>} changes
 * @param {{replace?: boolean}} how `replace` leaves no step to go back to
 */
export function go(changes, { replace = false } = {}) {
  const next = { ...route.value, ...changes };
  const address = write(next);
  if (address !== write(route.value) || asked(next) !== asked(route.value)) {
    const opened = replace ? history.state?.opened : Boolean(next.open && !route.value.open);
    const key = hasPicture(next) ? crypto.getRandomValues(new Uint32Array(2)).join() : undefined;
    if (key) pictured.set(key, { parts: next.parts, then: next.then });
    history[replace ? "replaceState" : "pushState"]({ opened, pictured: key }, "", address);
  }
  route.value = next;
}

/** Close the player: by a step back if it was opened here, so that "forward" opens it again. */
export function close() {
  if (!route.value.open) return;
  if (history.state?.opened) history.back();
  else go({ open: null }, { replace: true });
}

/**
 * What a link does: a click stays in the page, and a new tab is the browser's business.
 * @param {Partial<import("./routes.js").Route>} changes
 */
export function link(changes) {
  return {
    href: write({ ...route.value, ...changes }),
    /** @param {MouseEvent} event */
    onClick: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      go(changes);
    },
  };
}
