// Elements of pages that are drawn once.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} properties
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** @param {unknown} value text, or what is shown as JSON */
export const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

/** @param {unknown} value */
export const code = (value) => make("pre", {}, make("code", { textContent: pretty(value) }));
