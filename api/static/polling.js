// Asking for something again and again, but not while nobody sees the page.

import { problemIn } from "./api.js";

/**
 * What a page can do; tests have a clock and a window of their own.
 * @typedef {object} World
 * @property {() => boolean} isHidden
 * @property {(turn: () => Promise<void>, pauseMs: number) => number} later
 * @property {(timer: number) => void} never
 */

/** @type {World} */
const PAGE = {
  isHidden: () => document.hidden,
  later: (turn, pauseMs) => window.setTimeout(turn, pauseMs),
  never: (timer) => clearTimeout(timer),
};

/**
 * Ask now, and each time after a pause. An error of the server does not end it, but somebody who may not see
 * something is refused once: each refusal is noted in the audit.
 * @param {() => Promise<void>} look
 * @param {number} pauseMs
 * @param {World} world
 * @returns {() => void} what ends it
 */
export function repeat(look, pauseMs, world = PAGE) {
  let timer = 0;
  let isOver = false;
  const turn = async () => {
    try {
      if (!world.isHidden()) await look();
    } catch (error) {
      if (problemIn(error).status === 403) return;
    }
    if (!isOver) timer = world.later(turn, pauseMs);
  };
  turn();
  return () => {
    isOver = true;
    world.never(timer);
  };
}
