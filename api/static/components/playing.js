// A moment that plays: the state that the stage, the line and the buttons share.

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { PlayerButtons } from "./playerbuttons.js";
import { Stage } from "./stage.js";
import { Take } from "./take.js";
import { Timeline } from "./timeline.js";
import { Where } from "./where.js";

const PREVIEW_S = 60; // a preview is longer only if the moment is
const LONGEST_PREVIEW_S = 300;
const FETCHED_S = 15; // of a video at another machine, whose line may be slow
const HEVC = 'video/mp4; codecs="hvc1.1.6.L120.90"';

/** @typedef {{start: number, end: number}} Span seconds of the video; a preview's time 0 is its start */

/**
 * What is previewed for somebody who wants to see a time of a video. Pure.
 * @param {number} time
 * @param {number} end of the moment
 * @param {number} duration
 * @param {number} shortest seconds
 * @returns {Span}
 */
export function previewOf(time, end, duration, shortest = PREVIEW_S) {
  const wanted = Math.min(Math.max(time + shortest, end), time + LONGEST_PREVIEW_S);
  return { start: time, end: Math.min(wanted, duration) };
}

/**
 * @param {object} props
 * @param {import("./player.js").Opened} props.opened
 * @param {import("../types.js").Segment[]} props.segments
 * @param {import("../types.js").Timeline | null} props.curve
 * @param {import("../types.js").Hit[]} props.marks
 * @param {import("../types.js").HitStep[]} props.steps of the moment
 * @param {import("./where.js").Place | null} props.place null if the server cannot say where
 * @param {import("../types.js").Video | null} props.shown
 * @param {(step: number) => void} props.move
 * @param {boolean} props.hasPrevious
 * @param {boolean} props.hasNext
 */
export function Playing({ opened, segments, curve, marks, steps, place, shown, move, hasPrevious, hasNext }) {
  /** @type {{current: HTMLVideoElement | null}} */
  const video = useRef(null);
  const [passed, pass] = useState(false); // whether the viewer wants to see past the end
  const [loop, setLoop] = useState(false);
  const [ended, end] = useState(false);
  const [failure, fail] = useState("");
  const [looked, look] = useState(-1); // where a viewer looks who cannot play
  const [preview, setPreview] = useState(/** @type {Span | null} */ (null));
  const [where, setWhere] = useState(false); // whether the viewer wants to see where it is
  const { start, end: last, file, duration, playable, site } = opened;
  const shortest = site ? FETCHED_S : PREVIEW_S;

  useEffect(() => {
    pass(false);
    end(false);
  }, [file, start]);
  useEffect(() => {
    fail("");
    setPreview(null);
  }, [file]);
  useEffect(() => {
    // The server cannot know of a browser that plays HEVC, which most cameras of telephones record.
    if (site || (playable === false && !video.current?.canPlayType(HEVC))) setPreview(previewOf(start, last, duration, shortest));
  }, [file, playable]);
  useEffect(() => look(-1), [file, start]);
  useEffect(() => { if (where) video.current?.pause(); }, [where, file, start]);
  useEffect(() => {
    if (preview) seek(start); // the next moment of a video that is previewed
  }, [start]);

  const offset = preview?.start ?? 0;
  const now = () => (video.current ? video.current.currentTime + offset : start);
  const play = () => { video.current?.play().catch(() => {}); };
  /** @param {number} time seconds */
  const seek = (time) => {
    if (failure) look(time);
    if (!video.current) return;
    const wanted = Math.min(Math.max(0, time), duration);
    if (wanted > last || wanted < start - 1) pass(true);
    if (preview && (wanted < preview.start || wanted >= preview.end)) {
      setPreview(previewOf(wanted, last, duration, shortest));
    } else {
      video.current.currentTime = wanted - offset;
    }
    end(false);
  };
  const again = () => {
    pass(false);
    seek(start);
    play();
  };
  const on = () => {
    pass(true);
    end(false);
    play();
  };
  /**
   * The browser cannot play the file, so the server is asked for a preview, once.
   * @param {string} why
   * @param {boolean} isKind whether it is the kind of file, and not the server
   */
  const cannot = (why, isKind) => {
    if (isKind && !preview) setPreview(previewOf(start, last, duration, shortest));
    else fail(why);
  };
  const seen = looked < 0 ? undefined : segments.findLast((segment) => segment.start <= looked);
  return html`
    <${Stage} video=${video} opened=${opened} preview=${preview} now=${now}
      still=${seen?.thumbnail_url ?? opened.still} passed=${passed} loop=${loop} failure=${failure}
      cannot=${cannot} ended=${() => end(true)} pass=${() => pass(true)}
      keys=${{ move, seek, again, play, loop: () => setLoop(!loop) }}>
      ${where && place && html`
        <${Where} place=${place} width=${shown?.width || 16} height=${shown?.height || 9} />`}
    <//>
    <${Timeline} now=${now} opened=${opened} segments=${segments} curve=${curve} marks=${marks} steps=${steps} seek=${seek} />
    <${PlayerButtons} move=${move} again=${again} on=${on} loop=${loop} setLoop=${setLoop} passed=${passed}
      ended=${ended} playable=${!failure} hasPrevious=${hasPrevious} hasNext=${hasNext} />
    <${Take} opened=${opened} now=${now} where=${where}
      setWhere=${place ? () => setWhere(!where) : null} />
  `;
}
