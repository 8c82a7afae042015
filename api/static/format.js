// How times, shares, sizes and names are written. Pure: no signal, no document.

const two = (/** @type {number} */ number) => String(number).padStart(2, "0");

/**
 * A time or a length to the nearest tenth of a second, as the command writes it: "01:02.5" or
 * "1:00:02.5". All times have this one form, so that no moment seems to end after its video.
 * @param {number} seconds
 */
export function moment(seconds) {
  const tenths = Math.round(Math.max(0, seconds) * 10);
  const whole = Math.floor(tenths / 10);
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}.${tenths % 10}`;
  return hours ? `${hours}:${rest}` : rest;
}

/**
 * @param {number} start seconds
 * @param {number} end seconds; a span is never shown as empty
 */
export const between = (start, end) => `${moment(start)}–${moment(Math.max(end, start + 0.1))}`;

/**
 * Rounded down and at most 99, as the command writes it, because "100 %" promises too much.
 * @param {number} relevance 0 to 1
 * @param {string} locale
 */
export function percent(relevance, locale) {
  const whole = Math.min(99, Math.max(0, Math.floor(relevance * 100 + 1e-6)));
  return numbers(locale, { style: "percent" }).format(whole / 100);
}

/** Under this relevance a moment rather does not show what was asked. */
export const WEAK = 0.5;

/**
 * The word for a relevance; `languages/` says how it is called.
 * @param {number} relevance
 * @returns {"sure" | "likely" | "maybe" | "weak"}
 */
export function level(relevance) {
  if (relevance >= 0.9) return "sure";
  if (relevance >= 0.7) return "likely";
  return relevance >= WEAK ? "maybe" : "weak";
}

/**
 * A long name without its middle, because takes and versions are at the end.
 * @param {string} name
 * @param {number} most characters
 */
export function shorten(name, most) {
  const letters = [...name];
  if (letters.length <= most) return name;
  const end = Math.floor((most - 1) / 3);
  return `${letters.slice(0, most - 1 - end).join("").trimEnd()}…${letters.slice(-end).join("").trimStart()}`;
}

const ONE_LINE = 24;

/**
 * Whether a name may need two lines on a card.
 * @param {string} name
 */
export const isLong = (name) => [...name].length > ONE_LINE;

/**
 * @param {number} size
 * @param {string} locale
 */
export function bytes(size, locale) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let rank = 0;
  while (size >= 1000 && rank < units.length - 1) {
    size /= 1000;
    rank += 1;
  }
  const maximumFractionDigits = rank && size < 10 ? 1 : 0;
  return numbers(locale, {
    style: "unit", unit: units[rank], unitDisplay: rank ? "short" : "long", maximumFractionDigits,
  }).format(size);
}

/**
 * A length to be read at a glance: "27 min", "3 hr 5 min".
 * @param {number} seconds
 * @param {string} locale
 */
export function roughly(seconds, locale) {
  const unit = (/** @type {number} */ value, /** @type {string} */ name) =>
    numbers(locale, { style: "unit", unit: name, unitDisplay: "short" }).format(value);
  if (Math.round(seconds) < 60) return unit(Math.round(seconds), "second");
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return unit(minutes, "minute");
  const left = minutes % 60;
  return unit(Math.floor(minutes / 60), "hour") + (left ? ` ${unit(left, "minute")}` : "");
}

/**
 * @param {string} time RFC 3339
 * @param {string} locale
 */
export function date(time, locale) {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
}

/**
 * When something happened, to the second, where the reader is.
 * @param {string} time RFC 3339
 * @param {string} locale
 */
export function clock(time, locale) {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(time));
}

/** @type {Map<string, Intl.NumberFormat>} */
const made = new Map();

/**
 * How numbers are written. It is kept, because making one takes longer than drawing a card.
 * @param {string} locale
 * @param {Intl.NumberFormatOptions} [options]
 */
export function numbers(locale, options = {}) {
  const key = locale + JSON.stringify(options);
  const known = made.get(key) ?? new Intl.NumberFormat(locale, options);
  made.set(key, known);
  return known;
}
