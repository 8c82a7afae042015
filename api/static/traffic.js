// Requests and latencies of the last minutes, as lines that can be drawn. Pure.

/** @typedef {import("./types.js").Traffic} Traffic */

const FORGET_MS = 60_000;

/**
 * What to draw now: of several servers behind one address, one, until it is silent for a minute.
 * @param {Traffic | null} known
 * @param {Traffic} told
 */
export function followed(known, told) {
  if (!known || known.replica === told.replica) return told;
  const silence = endOf(told) - endOf(known);
  return silence > FORGET_MS ? told : known;
}

const endOf = (/** @type {Traffic} */ { steps }) => (steps.length ? Date.parse(steps[steps.length - 1].at) : 0);

/**
 * The least of 1, 2, 5, 10, 20 … (or 0.001, 0.002 …) that is not exceeded: the top of an axis.
 * @param {(number | null)[]} values
 * @param {number} least
 */
export function topOf(values, least) {
  const most = Math.max(least, ...values.map((value) => value ?? 0));
  const power = 10 ** Math.floor(Math.log10(most) + 1e-9);
  return power * ([1, 2, 5].find((each) => each * power >= most * (1 - 1e-9)) ?? 10);
}

/**
 * A line as the `d` of an SVG path; where nothing was measured, it has a gap.
 * @param {(number | null)[]} values the newest at the right end
 * @param {number} top value at the top
 * @param {number} columns values that the width has room for
 * @param {number} width
 * @param {number} height
 */
export function line(values, top, columns, width, height) {
  const first = columns - values.length;
  let path = "";
  values.forEach((value, place) => {
    if (value === null) return;
    const x = round(((first + place + 0.5) / columns) * width);
    const y = round(height * (1 - Math.min(1, value / top)));
    const begins = place === 0 || values[place - 1] === null;
    // A line of no length is drawn as a dot by its round ends.
    path += begins ? `M${x} ${y}h0` : `L${x} ${y}`;
  });
  return path;
}

const round = (/** @type {number} */ value) => Math.round(value * 10) / 10;

/**
 * The figures that a sentence says: requests a second now and at most, and the last latencies.
 * @param {Traffic} traffic
 */
export function summary({ steps, step_seconds: step }) {
  const rates = steps.map(({ requests }) => requests / step);
  const searched = steps.findLast(({ searches }) => searches > 0);
  return {
    now: rates.at(-1) ?? 0,
    most: Math.max(0, ...rates),
    failures: steps.reduce((sum, { failures }) => sum + failures, 0),
    p50: searched?.p50_seconds ?? null,
    p95: searched?.p95_seconds ?? null,
  };
}
