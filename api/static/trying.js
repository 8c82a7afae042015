// A form that sends one request of the API, and shows the answer. Only requests that change nothing have one.

import { code, make, pretty } from "./make.js";

const READING_POSTS = ["/v1/search", "/v1/search/batch", "/v1/edit-lists", "/v1/videos/{video_id}/timeline"];
const MOST_LETTERS = 20_000;
const PATIENCE_MS = 30_000;

/**
 * @typedef {{name: string, in: string, required?: boolean, schema: {type?: string, default?: unknown}}} Parameter
 * @typedef {{parameters?: Parameter[], responses: Record<string, {content?: Record<string, unknown>}>}} Operation
 */

/**
 * @param {string} path
 * @param {string} method
 * @param {Operation} operation
 */
export function canBeTried(path, method, operation) {
  const types = Object.keys(operation.responses["200"]?.content ?? {});
  const reads = method === "get" || (method === "post" && READING_POSTS.includes(path));
  return reads && !types.some((type) => type.startsWith("video/") || type === "text/event-stream");
}

/**
 * @param {string} path
 * @param {Map<Parameter, string>} filled values that were given
 * @returns {string} the address, relative to the page
 */
function addressOf(path, filled) {
  let address = path.slice(1);
  const query = new URLSearchParams();
  for (const [{ name, in: where }, value] of filled) {
    if (where === "path") address = address.replace(`{${name}}`, encodeURIComponent(value));
    else query.append(name, value);
  }
  return query.size ? `${address}?${query}` : address;
}

/**
 * @param {string} method
 * @param {string} address
 * @param {string | undefined} body
 * @returns {string} the same request as a line for a shell
 */
function lineOf(method, address, body) {
  /** @param {string} text */
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const url = quoted(new URL(address, document.baseURI).href);
  if (body === undefined) return `curl ${url}`;
  return `curl -X ${method.toUpperCase()} ${url} -H 'Content-Type: application/json' -d ${quoted(body)}`;
}

/** @param {Response} response */
async function shown(response) {
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("image/")) return make("img", { alt: "The picture of the answer", src: response.url });
  let text = await response.text();
  if (type.includes("json")) text = pretty(JSON.parse(text));
  const more = text.length - MOST_LETTERS;
  return code(more > 0 ? `${text.slice(0, MOST_LETTERS)}\n… and ${more.toLocaleString("en")} letters more` : text);
}

/**
 * @param {Parameter} parameter
 * @returns {[HTMLElement, HTMLInputElement]} a line of the form, and its box
 */
function boxOf({ name, in: where, required, schema }) {
  const placeholder = schema.default === undefined || schema.default === null ? "" : String(schema.default);
  const box = make("input", { name, placeholder, required: required || where === "path", autocomplete: "off" });
  return [make("label", {}, make("span", { textContent: name }), box), box];
}

/**
 * @param {string} path
 * @param {string} method
 * @param {Operation} operation
 * @param {unknown} example of the body, or undefined if it has none
 */
export function trial(path, method, operation, example) {
  const taken = (operation.parameters ?? []).filter((each) => each.in !== "header");
  const boxes = taken.map((each) => /** @type {const} */ ([each, ...boxOf(each)]));
  const body = example === undefined ? undefined
    : make("textarea", { value: pretty(example), rows: pretty(example).split("\n").length, spellcheck: false });
  const answer = make("div", { className: "answer" });
  answer.setAttribute("aria-live", "polite");
  const asked = () => {
    const filled = new Map(boxes.filter(([, , box]) => box.value).map(([each, , box]) => [each, box.value]));
    return { address: addressOf(path, filled), body: body?.value };
  };
  const send = make("button", { type: "submit", textContent: "Send", className: "primary" });
  const copy = make("button", { type: "button", textContent: "Copy as curl" });
  const form = make("form", { className: "trial" },
    ...boxes.map(([, line]) => line),
    ...(body ? [make("label", {}, make("span", { textContent: "body" }), body)] : []),
    make("p", {}, send, " ", copy), answer);

  copy.onclick = async () => {
    const { address, body: text } = asked();
    try {
      await navigator.clipboard.writeText(lineOf(method, address, text));
      copy.textContent = "Copied";
    } catch {
      answer.replaceChildren(code(lineOf(method, address, text)));
    }
  };
  form.onsubmit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const { address, body: text } = asked();
    const began = performance.now();
    /** @type {RequestInit} */
    const how = { method: method.toUpperCase(), signal: AbortSignal.timeout(PATIENCE_MS) };
    if (text !== undefined) Object.assign(how, { body: text, headers: { "Content-Type": "application/json" } });
    send.setAttribute("aria-disabled", "true");
    copy.textContent = "Copy as curl";
    try {
      const response = await fetch(address, how);
      const part = await shown(response);
      const took = Math.round(performance.now() - began);
      answer.replaceChildren(make("p", { textContent: `${response.status} ${response.statusText}, ${took} ms` }), part);
    } catch (error) {
      const late = error instanceof DOMException && error.name === "TimeoutError";
      const why = late ? `No answer came within ${PATIENCE_MS / 1000} s.` : "The server does not answer.";
      answer.replaceChildren(make("p", { textContent: why }));
    } finally {
      send.removeAttribute("aria-disabled");
    }
  };
  return form;
}
