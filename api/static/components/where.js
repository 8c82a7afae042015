// Where in the picture of a moment the sentence fits: a map and a box over it, and the same in words.

import { ask, said } from "../api.js";
import { factorsOf, isWanted } from "../composed.js";
import { moment, numbers } from "../format.js";
import { ninth, rect, warm } from "../heat.js";
import { locale, t } from "../language.js";
import { route } from "../navigation.js";
import { question } from "../question.js";
import { foundBy } from "../said.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { namesOf } from "./composed.js";

const MOST = 10; // moments that the server explains at once

/**
 * @typedef {object} Place what is asked about
 * @property {import("../types.js").Hit} hit
 * @property {number} rank how many moments of its video are as good or better
 *
 * @typedef {object} Explanation
 * @property {import("../heat.js").Where | null} where
 * @property {string | null} where_missing
 * @property {{time: number, score: number} | null} frame
 * @property {{weight: number, fit: number}[]} parts in the order of the search; empty if the moment has changed
 */

/**
 * The moment among those of its video, if the server can say where a sentence fits in its picture, or how several
 * parts fit.
 * @param {import("../types.js").Hit | undefined} hit
 * @param {import("../types.js").Hit[]} hits the answer, in its order
 * @param {Pick<import("../routes.js").Route, "query" | "parts" | "then">} asked
 * @returns {Place | null}
 */
export function placeIn(hit, hits, { query, parts, then }) {
  if (!hit || then.length || !isWanted({ query, parts })) return null;
  if (hit.relevance === null && parts.length + (query ? 1 : 0) < 2) return null;
  const upTo = hits.slice(0, hits.indexOf(hit) + 1);
  const rank = upTo.filter((each) => each.video.id === hit.video.id).length;
  return rank <= MOST ? { hit, rank } : null;
}

/** @param {{place: Place, width: number, height: number}} props */
export function Where({ place, width, height }) {
  const { hit } = place;
  const [found, find] = useState(/** @type {Explanation | null} */ (null));
  const [reason, refuse] = useState("");
  useEffect(() => {
    const mine = new AbortController();
    find(null);
    refuse("");
    const words = foundBy(hit);
    if (words) {
      if (words.field !== "object") refuse(t(`whereWords_${words.field}`));
      return undefined;
    }
    explained(place, mine.signal)
      .then((why) => (why ? find(why) : refuse(t("whereGone"))))
      .catch((error) => {
        if (error instanceof DOMException && error.name === "AbortError") return;
        refuse(said(error));
      });
    return () => mine.abort();
  }, [hit.segment_id]);
  const where = found?.where;
  const object = foundBy(hit)?.where;
  const box = where?.box ?? (object?.is_shown ? object : null);
  const words = object ? ofObject(object) : found ? described(found) : reason || t("whereLooking");
  return html`
    <figure id="where-shown" class="where">
      <svg viewBox="0 0 ${width} ${height}" role="img" aria-label=${words}>
        <image href=${hit.thumbnail_url} width=${width} height=${height} preserveAspectRatio="none" />
        ${where && warm(where, width, height).map(({ opacity, ...each }) => html`
          <rect class="heat" ...${each} fill-opacity=${opacity} />`)}
        ${box && html`<rect class="box" ...${rect(box, width, height)} />`}
      </svg>
      <figcaption><span role="status">${words}</span>${found && html`<${Fits} fits=${found.parts} />`}</figcaption>
    </figure>
  `;
}

/**
 * How well each of several parts fits, and what it does to the relevance.
 * @param {{fits: Explanation["parts"]}} props
 */
function Fits({ fits }) {
  const names = namesOf(route.peek());
  if (fits.length < 2 || fits.length !== names.length) return null;
  const share = numbers(locale(), { style: "percent" });
  const factor = numbers(locale(), { maximumFractionDigits: 2 });
  const factors = factorsOf(fits);
  return html`
    <ul class="fits">
      ${fits.map(({ weight, fit }, place) => html`
        <li key=${place}>${t(weight > 0 ? "partFits" : "partShown", {
          words: names[place], fit: share.format(fit), factor: factor.format(factors[place]),
        })}</li>`)}
    </ul>
  `;
}

/**
 * @param {Place} place
 * @param {AbortSignal} signal
 * @returns {Promise<Explanation | null>} null if the moment is not there any more
 */
async function explained({ hit, rank }, signal) {
  const asked = question(route.peek());
  const filter = { ...asked.filter, video_ids: [hit.video.id] };
  // Words found another moment of this video, perhaps; pictures alone find this one among the first.
  const json = { ...asked, filter, limit: rank, fields: ["picture"], explain: true };
  const answer = await ask("v1/search", { json, signal });
  const same = answer.hits.find((/** @type {any} */ each) => each.segment_id === hit.segment_id);
  return same?.explanation ?? null;
}

/**
 * Where a detector found an object, in words.
 * @param {import("../types.js").ObjectPlace} place
 */
function ofObject(place) {
  if (!place.is_shown) return t("whereElsewhere", { time: moment(place.time) });
  return t("whereObject", { place: t(`where_${ninth(place)}`), ...sharesOf(place) });
}

/**
 * The edges of a box as shares of a picture.
 * @param {import("../heat.js").Box} box
 */
function sharesOf(box) {
  const percent = numbers(locale(), { style: "percent" });
  const share = (/** @type {number} */ value) => percent.format(value);
  return { left: share(box.left), right: share(box.right), top: share(box.top), bottom: share(box.bottom) };
}

/**
 * What the picture shows, in words.
 * @param {Explanation} found
 */
function described({ where, where_missing: missing, frame }) {
  const nearest = frame ? t("whereFrame", { time: moment(frame.time) }) : "";
  if (!where) return [missing, nearest].filter(Boolean).join(" ");
  const { box } = where;
  return [t("whereSaid", { place: t(`where_${ninth(box)}`), ...sharesOf(box) }), nearest].filter(Boolean).join(" ");
}
