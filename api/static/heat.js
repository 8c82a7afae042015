// Where in a picture something is: the parts to colour, and the words. Pure.

/**
 * @typedef {{left: number, top: number, right: number, bottom: number}} Box fractions of a picture
 * @typedef {{heat: number[][], area: Box, box: Box}} Where
 * @typedef {{x: number, y: number, width: number, height: number}} Rect
 */

/** @typedef {"topLeft" | "top" | "topRight" | "left" | "centre" | "right" | "bottomLeft" | "bottom" | "bottomRight"} Ninth */

/** @type {Ninth[][]} */
const NINTHS = [
  ["topLeft", "top", "topRight"],
  ["left", "centre", "right"],
  ["bottomLeft", "bottom", "bottomRight"],
];
const LEAST = 0.05; // parts of less heat are not coloured
const DEEPEST = 0.7; // how much the hottest part hides of the picture

/**
 * A box in the units of a drawing.
 * @param {Box} box
 * @param {number} width
 * @param {number} height
 * @returns {Rect}
 */
export function rect({ left, top, right, bottom }, width, height) {
  return { x: left * width, y: top * height, width: (right - left) * width, height: (bottom - top) * height };
}

/**
 * The warm parts of a map, each with how opaque it is drawn.
 * @param {Where} where
 * @param {number} width
 * @param {number} height
 * @returns {(Rect & {opacity: number})[]}
 */
export function warm({ heat, area }, width, height) {
  const whole = rect(area, width, height);
  const rows = heat.length;
  return heat.flatMap((row, y) =>
    row.flatMap((value, x) => {
      if (value < LEAST) return [];
      const each = { width: whole.width / row.length, height: whole.height / rows };
      return [{ x: whole.x + x * each.width, y: whole.y + y * each.height, ...each, opacity: value * DEEPEST }];
    }),
  );
}

/**
 * In which ninth of the picture the middle of a box is.
 * @param {Box} box
 * @returns {Ninth}
 */
export function ninth({ left, top, right, bottom }) {
  const [column, row] = [(left + right) / 2, (top + bottom) / 2].map((middle) => Math.min(2, Math.floor(middle * 3)));
  return NINTHS[row][column];
}
