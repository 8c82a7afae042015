// The whole video as a line: how relevant it is where, its segments, what was found, where it plays.

import { area, peaks, shotMarks, valueAt } from "../curve.js";
import { moment, percent } from "../format.js";
import { locale, t } from "../language.js";
import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";

const COLUMNS = 1000;
const HEIGHT = 40;

/**
 * @param {object} props
 * @param {() => number} props.now the time that plays
 * @param {import("./player.js").Opened} props.opened
 * @param {import("../types.js").Segment[]} props.segments
 * @param {import("../types.js").Timeline | null} props.curve
 * @param {import("../types.js").Hit[]} props.marks
 * @param {import("../types.js").HitStep[]} props.steps of the moment
 * @param {(time: number) => void} props.seek
 */
export function Timeline({ now, opened, segments, curve, marks, steps, seek }) {
  const { duration, start, end } = opened;
  const line = useRef(/** @type {HTMLElement | null} */ (null));
  const cursor = useRef(/** @type {HTMLElement | null} */ (null));
  const playing = useRef(now);
  playing.current = now;
  const [pointed, point] = useState(/** @type {number | null} */ (null));
  useEffect(() => {
    let asked = 0;
    const draw = () => {
      const time = playing.current();
      if (cursor.current) cursor.current.style.left = `${share(time, duration)}%`;
      if (line.current) {
        line.current.setAttribute("aria-valuenow", String(Math.round(time * 10) / 10));
        line.current.setAttribute("aria-valuetext", moment(time));
      }
      asked = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(asked);
  }, [duration]);
  /** @param {PointerEvent | MouseEvent} event */
  const timeAt = (event) => {
    const box = line.current?.getBoundingClientRect();
    if (!box?.width) return 0;
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * duration;
  };
  /** @param {KeyboardEvent} event */
  const pressed = (event) => {
    const here = now();
    const times = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: duration, PageUp: here + 10, PageDown: here - 10 };
    const time = times[/** @type {keyof typeof times} */ (event.key)];
    if (time === undefined) return;
    event.preventDefault(); // so that the player does not go to another moment
    seek(time);
  };
  const seen = pointed === null ? undefined : segments.findLast((segment) => segment.start <= pointed);
  const outline = useMemo(
    () => (curve ? area(peaks(curve, duration, COLUMNS), COLUMNS, HEIGHT) : ""), [curve, duration],
  );
  const cuts = useMemo(() => shotMarks(segments, duration, COLUMNS, HEIGHT), [segments, duration]);
  const there = pointed === null || curve?.measure !== "relevance" ? null : valueAt(curve, pointed);
  return html`
    <div class="timeline">
      <div ref=${line} class="line" role="slider" tabindex="0" aria-label=${t("timeline")} aria-valuemin="0"
        aria-valuemax=${duration} aria-valuenow=${start} onKeyDown=${pressed}
        onClick=${(/** @type {MouseEvent} */ event) => seek(timeAt(event))}
        onPointerMove=${(/** @type {PointerEvent} */ event) => point(timeAt(event))}
        onPointerLeave=${() => point(null)}>
        <svg viewBox="0 0 ${COLUMNS} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
          ${segments.map((each) => html`<rect key=${each.id} class="segment" ...${box(each, duration, 12)} />`)}
          ${curve ? html`<path class="mark" d=${outline} />` : marks.map((hit) => html`
            <rect key=${hit.segment_id} class="mark" ...${box(hit, duration, Math.max(6, (hit.relevance ?? hit.score) * HEIGHT))} />
          `)}
          ${curve?.segments.filter(({ id }) => curve.hits.includes(id)).map((each) => html`
            <rect key=${each.id} class="found" ...${box(each, duration, 4)} />
          `)}
          <path class="shots" d=${cuts} />
          ${steps.map((each, place) => html`<rect key=${place} class="found" ...${box(each, duration, 6)} />`)}
          <rect class="moment" ...${box({ start, end }, duration, HEIGHT)} />
        </svg>
        <i class="cursor" ref=${cursor}></i>
      </div>
      <div class="times" aria-hidden="true"><span>${moment(0)}</span><span>${moment(duration)}</span></div>
      ${pointed !== null && html`
        <div class="pointed" style=${{ left: `${share(pointed, duration)}%` }} aria-hidden="true">
          ${seen && html`<img src=${seen.thumbnail_url} alt="" />`}<span>${moment(pointed)}${there !== null && ` · ${percent(there, locale())}`}</span>
        </div>
      `}
    </div>
  `;
}

/**
 * @param {number} time
 * @param {number} duration
 */
const share = (time, duration) => (duration > 0 ? Math.min(100, (100 * time) / duration) : 0);

/**
 * @param {{start: number, end: number}} span
 * @param {number} duration
 * @param {number} height of `HEIGHT`
 */
function box({ start, end }, duration, height) {
  const x = 10 * share(start, duration);
  const width = Math.max(3, 10 * share(end, duration) - x - 1.5);
  return { x, y: HEIGHT - height, width, height };
}
