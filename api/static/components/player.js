// The player: a moment in its video, what can be done with it, and where else it may be.

import { ask, parameters, problemIn } from "../api.js";
import { firstParts, isWanted } from "../composed.js";
import { between, clock, moment } from "../format.js";
import { divided, placeOf, unfoldedOf } from "../hits.js";
import { useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { here } from "../library.js";
import { close, go, route } from "../navigation.js";
import { texts } from "../said.js";
import { siteOf } from "../saving.js";
import { others, search } from "../searching.js";
import { html, useEffect, useMemo, useState } from "../vendor/preact.js";
import { fit, Words } from "./card.js";
import { Dialog } from "./dialog.js";
import { Notice } from "./notice.js";
import { Playing } from "./playing.js";
import { placeIn } from "./where.js";

/**
 * @typedef {object} Opened what the player knows of the moment
 * @property {string} id of the video
 * @property {string} title
 * @property {number} duration
 * @property {string} file
 * @property {number} start
 * @property {number} end
 * @property {string} still the picture of the moment
 * @property {string} site the machine that has the file, or "" if the server has it
 * @property {boolean | null} playable whether browsers can be expected to play the file; null if not known
 */

/**
 * @param {import("../routes.js").Moment} open
 * @param {import("../types.js").Hit | undefined} hit
 * @param {import("../types.js").Video | null} video
 * @param {import("../types.js").Segment[]} segments
 * @returns {Opened | null}
 */
export function openedOf(open, hit, video, segments) {
  const middle = (open.start + open.end) / 2;
  const segment = segments.find(({ start, end }) => start <= middle && middle < end) ?? segments[0];
  const still = hit?.thumbnail_url ?? segment?.thumbnail_url ?? "";
  const playable = video?.playable ?? null;
  if (hit) {
    const { id, title, duration, uri } = hit.video;
    const site = siteOf(uri);
    return { id, title, duration, file: hit.play_url.split("#")[0], start: hit.start, end: hit.end, still, site, playable };
  }
  if (!video) return null;
  const { id, title, duration, uri, file_url: file } = video;
  const end = open.end > open.start ? open.end : duration;
  return { id, title, duration, file, start: open.start, end, still, site: siteOf(uri), playable };
}

/** @param {{open: import("../routes.js").Moment}} props */
export function Player({ open }) {
  const { answer } = useValue(search);
  const unfolded = useValue(others);
  const { query, parts, then } = useValue(route);
  const collection = useValue(here);
  const curveAsked = useMemo(() => (isWanted({ query, parts }) ? JSON.stringify(firstParts({ query, parts })) : ""), [query, parts]);
  const { good, weak } = divided(unfoldedOf(answer?.hits ?? [], unfolded), answer?.alike_from ?? null);
  const hits = [...good, ...weak];
  const place = placeOf(hits, open);
  const { video, segments, curve, problem } = useVideo(open.video, collection, curveAsked);
  const opened = openedOf(open, hits[place], video, segments);
  /** @param {number} step */
  const move = (step) => {
    const hit = place < 0 ? undefined : hits[place + step];
    if (hit) go({ open: { video: hit.video.id, start: hit.start, end: hit.end } }, { replace: true });
  };
  const leave = () => {
    const moment = `${open.video} ${open.start}`;
    close();
    requestAnimationFrame(() => focusCard(moment));
  };
  if (!opened) {
    return html`<${Dialog} name="player" title=${t(problem ? "notOpened" : "opening")} onClose=${leave}>
      ${problem && html`<${Notice} problem=${problem} />`}<//>`;
  }
  const at = hits[place]?.start_at;
  const span = t("ofVideo", { span: between(opened.start, opened.end), length: moment(opened.duration) });
  const how = hits[place] ? fit(hits[place], answer?.alike_from ?? null).text : "";
  const marks = hits.filter((hit) => hit.video.id === open.video);
  return html`
    <${Dialog} name="player" title=${opened.title} detail=${[at && clock(at, locale()), span, how].filter(Boolean).join(" · ")} onClose=${leave}>
      <${Playing} opened=${opened} segments=${segments} curve=${curve} marks=${marks} steps=${hits[place]?.steps ?? []}
        place=${placeIn(hits[place], answer?.hits ?? [], { query, parts, then })} shown=${video} move=${move}
        hasPrevious=${place > 0} hasNext=${place >= 0 && place < hits.length - 1} />
      ${hits[place] && texts(hits[place]).map((found) => html`
        <p class="heard" key=${found.start}><span class="quiet">${t(`says_${found.field}`, { text: "" })}</span>
          <${Words} found=${found} /></p>`)}
    <//>
  `;
}

/** What is not known yet. */
const UNKNOWN = {
  id: "",
  video: /** @type {import("../types.js").Video | null} */ (null),
  segments: /** @type {import("../types.js").Segment[]} */ ([]),
  curve: /** @type {import("../types.js").Timeline | null} */ (null),
  problem: /** @type {import("../types.js").Problem | null} */ (null),
};

/**
 * The video, its segments, and how the parts fit over it.
 * @param {string} id
 * @param {string} collection
 * @param {string} parts of the first step as JSON, or "" if nothing is asked
 */
function useVideo(id, collection, parts) {
  const [known, know] = useState(UNKNOWN);
  useEffect(() => {
    if (!collection) return undefined;
    let mine = true;
    const path = `v1/videos/${encodeURIComponent(id)}`;
    const which = parameters({ collection });
    // A video plays without its curve too, such as while its model is being loaded.
    const asked = parts ? curveOf(path, collection, JSON.parse(parts)).catch(() => null) : null;
    const look = async () => {
      const [video, curve] = await Promise.all([ask(path + which), asked]);
      const { segments } = curve ?? (await ask(`${path}/segments${which}`));
      if (mine) know({ id, video, segments, curve, problem: null });
    };
    look().catch((error) => mine && know({ ...UNKNOWN, id, problem: problemIn(error) }));
    return () => { mine = false; };
  }, [id, collection, parts]);
  return known.id === id ? known : UNKNOWN;
}

/**
 * @param {string} path of the video
 * @param {string} collection
 * @param {ReturnType<typeof firstParts>} parts
 * @returns {Promise<import("../types.js").Timeline>}
 */
function curveOf(path, collection, parts) {
  const sentence = parts.length === 1 ? parts[0].text : undefined;
  if (sentence !== undefined) return ask(`${path}/timeline${parameters({ query: sentence, collection })}`);
  return ask(`${path}/timeline`, { json: { parts, collection } });
}

/** @param {string} moment */
function focusCard(moment) {
  const card = [...document.querySelectorAll("a.card")].find(
    (each) => each instanceof HTMLElement && each.dataset.moment === moment,
  );
  if (card instanceof HTMLElement) card.focus();
}
