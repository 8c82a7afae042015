// The relevance of a query over a whole video, as a line that can be drawn. Pure.

/** @typedef {{times: number[], relevance: number[]}} Curve each value holds until the next time */

/**
 * The highest relevance in each column: a peak of one second is never lost in two hours.
 * @param {Curve} curve
 * @param {number} duration seconds
 * @param {number} columns
 * @returns {number[]}
 */
export function peaks({ times, relevance }, duration, columns) {
  const found = new Array(columns).fill(0);
  times.forEach((time, place) => {
    const end = times[place + 1] ?? duration;
    const first = Math.min(columns - 1, Math.floor((time / duration) * columns));
    const last = Math.min(columns, Math.max(first + 1, Math.ceil((end / duration) * columns - 1e-9)));
    for (let column = first; column < last; column += 1) {
      found[column] = Math.max(found[column], relevance[place]);
    }
  });
  return found;
}

/**
 * The outline of the area under the curve, as the `d` of an SVG path.
 * @param {number[]} values 0 to 1
 * @param {number} width
 * @param {number} height
 */
export function area(values, width, height) {
  const step = width / values.length;
  const tops = values.flatMap((value, place) => {
    const y = number(height * (1 - value));
    return value === values[place - 1] ? [] : [`H${number(place * step)}V${y}`];
  });
  return `M0 ${height}${tops.join("")}H${width}V${height}Z`;
}

const number = (/** @type {number} */ value) => String(Math.round(value * 100) / 100);

/**
 * The relevance at a time, or null before the first.
 * @param {Curve} curve
 * @param {number} time seconds
 */
export function valueAt({ times, relevance }, time) {
  const place = times.findLastIndex((each) => each <= time);
  return place < 0 ? null : relevance[place];
}

/** Columns between two marks of shots: nearer ones would be one grey area. */
const APART = 4;

/**
 * Where shots begin, as a path of vertical lines; of shots that begin near each other, the first one.
 * @param {{start: number, begins_shot: boolean}[]} segments by time
 * @param {number} duration seconds
 * @param {number} columns
 * @param {number} height
 */
export function shotMarks(segments, duration, columns, height) {
  let last = 0; // the start of the video needs no mark
  let path = "";
  for (const { start, begins_shot: begins } of segments) {
    const x = Math.round((columns * start) / duration);
    if (begins && x - last >= APART) {
      path += `M${x} 0V${height}`;
      last = x;
    }
  }
  return path;
}
