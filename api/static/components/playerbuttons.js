// The buttons under the video: moments, again, on, loop.

import { t } from "../language.js";
import { html } from "../vendor/preact.js";
import { Icon } from "./icons.js";

/**
 * @param {object} props
 * @param {(step: number) => void} props.move
 * @param {() => void} props.again
 * @param {() => void} props.on
 * @param {boolean} props.loop
 * @param {(loop: boolean) => void} props.setLoop
 * @param {boolean} props.passed
 * @param {boolean} props.ended
 * @param {boolean} props.playable
 * @param {boolean} props.hasPrevious
 * @param {boolean} props.hasNext
 */
export function PlayerButtons({ move, again, on, loop, setLoop, passed, ended, playable, hasPrevious, hasNext }) {
  // A button that cannot be pressed keeps the focus, so that keys still reach the player.
  const when = (/** @type {boolean} */ can, /** @type {() => void} */ action) => ({
    "aria-disabled": can ? undefined : "true",
    onClick: () => can && action(),
  });
  return html`
    <div class="player-buttons">
      <button id="previous" type="button" title="${t("previous")} (←)" ...${when(hasPrevious, () => move(-1))}>
        <${Icon} name="previous" /><span>${t("previous")}</span></button>
      <button id="again" type="button" title="${t("again")} (A)" ...${when(playable, again)}>
        <${Icon} name="again" /><span>${t("again")}</span></button>
      <button id="play-on" type="button" class=${ended && !passed ? "primary" : ""}
        ...${when(playable && !passed, on)}><${Icon} name="on" /><span>${t("playOn")}</span></button>
      <button id="loop" type="button" title="${t("loop")} (R)" aria-pressed=${String(loop)}
        ...${when(playable, () => setLoop(!loop))}><${Icon} name="loop" /><span>${t("loop")}</span></button>
      <button id="next" type="button" title="${t("next")} (→)" ...${when(hasNext, () => move(1))}>
        <span>${t("next")}</span><${Icon} name="next" /></button>
    </div>
  `;
}
