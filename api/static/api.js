// Talking to the server: JSON in, JSON out, and problem documents as errors.

import { t } from "./language.js";

/** An answer that is not what was asked for; `problem` says why. */
export class Failure extends Error {
  /**
   * @param {import("./types.js").Problem} problem
   * @param {number} retryAfter seconds after which the same may be asked again; 0 if that would not help
   */
  constructor(problem, retryAfter = 0) {
    super(problem.detail ?? problem.title ?? "");
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  /** Whether nobody answered, so that it is worth trying again. */
  get away() {
    return this.problem.status === undefined;
  }
}

/**
 * @param {Response} response
 * @returns {Promise<import("./types.js").Problem>}
 */
export async function problemOf(response) {
  const { status } = response;
  try {
    return { status, ...(await response.json()) };
  } catch {
    const detail = t("serverAnswered", { status: String(status) });
    return { title: t("serverFailed"), detail, status, request_id: response.headers.get("x-request-id") };
  }
}

/**
 * What a Failure says; any other error is a mistake of the page, and is thrown on.
 * @param {unknown} error
 * @returns {import("./types.js").Problem}
 */
export function problemIn(error) {
  if (error instanceof Failure) return error.problem;
  throw error;
}

/**
 * @param {unknown} error
 * @returns {string} the sentence that a Failure says
 */
export function said(error) {
  const { detail, title } = problemIn(error);
  return detail ?? title ?? "";
}

/**
 * @param {string} path relative to the page
 * @param {RequestInit & {json?: unknown}} options
 * @returns {Promise<any>} what the server answered, as JSON
 */
export async function ask(path, options = {}) {
  const response = await fetched(path, options);
  return response.status === 204 ? null : response.json();
}

/**
 * @param {string} path
 * @param {RequestInit & {json?: unknown}} options
 * @returns {Promise<Response>} an answer that is not a problem
 */
export async function fetched(path, { json, ...options } = {}) {
  if (json !== undefined) {
    const headers = { "Content-Type": "application/json", ...options.headers };
    options = { method: "POST", body: JSON.stringify(json), ...options, headers };
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Failure({ title: t("serverAway"), detail: t("serverAwayDetail") });
  }
  if (response.status === 401 && !location.pathname.endsWith("/login")) location.assign("login");
  if (!response.ok) {
    const retryAfter = Number(response.headers.get("retry-after"));
    throw new Failure(await problemOf(response), response.status === 503 ? retryAfter : 0);
  }
  return response;
}

/**
 * @param {Record<string, string | number>} given what is asked for; empty values are left out
 */
export function parameters(given) {
  const filled = Object.entries(given).filter(([, value]) => value !== "");
  const text = new URLSearchParams(filled.map(([name, value]) => [name, String(value)])).toString();
  return text ? `?${text}` : "";
}
