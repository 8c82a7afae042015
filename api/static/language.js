// The language of the page: its files of messages, and how numbers are put into them.

import { numbers } from "./format.js";
import { signal } from "./vendor/signals.js";

/** The languages that there are, each by its own name. */
export const LANGUAGES = { en: "English", de: "Deutsch" };
/** The files of each language. They are asked for together, so that none waits for another one. */
export const FILES = ["search", "player", "library", "adding", "live", "review"];
const SAVED = "clipseek.language";

/**
 * @typedef {string | {one: string, other: string}} Message
 * @typedef {typeof import("./languages/en/search.js").default & typeof import("./languages/en/player.js").default
 *   & typeof import("./languages/en/library.js").default & typeof import("./languages/en/adding.js").default
 *   & typeof import("./languages/en/live.js").default & typeof import("./languages/en/review.js").default} English
 * @typedef {keyof English} Key
 */

/** @type {import("./vendor/signals.js").Signal<{locale: string, messages: Record<string, Message>}>} */
export const language = signal({ locale: "en", messages: {} });

/**
 * The first language that the reader wants and that there is.
 * @param {readonly (string | null)[]} wanted
 */
export function chosen(wanted) {
  const known = wanted.map((each) => each?.split("-")[0].toLowerCase() ?? "");
  return known.find((each) => Object.hasOwn(LANGUAGES, each)) ?? "en";
}

/**
 * @param {string} name of a language that there is
 * @returns {Promise<Record<string, Message>>}
 */
export async function messagesIn(name) {
  const files = await Promise.all(FILES.map((file) => import(`./languages/${name}/${file}.js`)));
  return Object.assign({}, ...files.map((file) => file.default));
}

/**
 * @param {string} name
 * @param {boolean} keep for the next visit
 */
export async function speak(name, keep = false) {
  const messages = await messagesIn(name);
  if (keep) localStorage.setItem(SAVED, name);
  document.documentElement.lang = name;
  // Dates and numbers as the reader's own region writes them, if it speaks this language.
  const locale = navigator.languages.find((each) => each.split("-")[0] === name) ?? name;
  language.value = { locale, messages };
}

export const speakFirst = () => speak(chosen([localStorage.getItem(SAVED), ...navigator.languages]));

/**
 * A message with its values; {count} chooses between one and other.
 * @param {Record<string, Message>} messages
 * @param {string} locale
 * @param {string} key
 * @param {Record<string, string | number>} values
 */
export function filled(messages, locale, key, values) {
  const message = messages[key] ?? key;
  const plural = typeof message === "string"
    ? message
    : message[new Intl.PluralRules(locale).select(Number(values.count)) === "one" ? "one" : "other"];
  return plural.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? numbers(locale).format(value) : value;
  });
}

/**
 * @param {Key} key
 * @param {Record<string, string | number>} values
 */
export function t(key, values = {}) {
  const { locale, messages } = language.value;
  return filled(messages, locale, key, values);
}

export const locale = () => language.value.locale;
