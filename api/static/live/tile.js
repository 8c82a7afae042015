// One camera: what it shows, how it does, and what can be done with it.

import { ask, said } from "../api.js";
import { numbers } from "../format.js";
import { useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { link } from "../navigation.js";
import { NO_FILTERS } from "../routes.js";
import { Icon } from "../components/icons.js";
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { follow } from "./playing.js";
import { pictures, send, sending, stopSending, whyNot } from "./webcam.js";
import { isOurs, looksOf, stillUrl, toldOf } from "./words.js";

/** @typedef {import("../types.js").Camera} Camera */

/**
 * @param {object} props
 * @param {Camera} props.camera
 * @param {boolean} props.playing
 * @param {(name: string) => void} props.play the camera of this name; "" for none
 * @param {() => void} props.changed
 */
export function Tile({ camera, playing, play, changed }) {
  const { name, state, reason, records } = camera;
  const mine = useValue(sending)?.name === name ? sending.value : null;
  const [refused, refuse] = useState("");
  const [asked, askTo] = useState(false);
  const [told, tell] = useState("");
  const path = `v1/cameras/${encodeURIComponent(name)}`;
  /** @param {() => Promise<unknown>} change */
  const attempt = async (change) => {
    refuse("");
    try {
      await change();
      changed();
    } catch (error) {
      refuse(said(error));
    }
  };
  const pause = () => attempt(() => ask(path, { method: "PATCH", json: { paused: state !== "paused" } }));
  const test = () => attempt(async () => {
    tell(t("testing"));
    try {
      tell(toldOf(await ask(`${path}/test`, { method: "POST" })));
    } catch (error) {
      tell("");
      throw error;
    }
  });
  const remove = () => attempt(async () => {
    if (mine) stopSending();
    await ask(path, { method: "DELETE" });
  });
  const sendNow = async () => {
    refuse("");
    try {
      send(name, await pictures());
    } catch (error) {
      refuse(whyNot(error));
    }
  };
  const search = link({ page: "library", ...NO_FILTERS, collection: camera.collection, name, video: "", open: null });
  return html`
    <li class="camera ${playing ? "wide" : ""}" data-camera=${name}>
      <div class="picture">
        ${playing ? html`<${Now} camera=${camera} stop=${() => play("")} />` : html`<${Still} camera=${camera} />`}
        <span class="state ${looksOf(camera)}"><span class="dot" aria-hidden="true"></span>${t(`camera_${state}`)}</span>
      </div>
      <div class="caption">
        <h3 class="title">${name}</h3>
        <p class="figures">${figuresOf(camera)}</p>
        ${reason && html`<p class=${camera.webcam && state === "waiting" ? "figures" : "reason"} dir="auto">${reason}</p>`}
        ${mine && html`<p class=${mine.reason ? "reason" : "figures"}>${mine.reason || t("webcamIsSent")}</p>`}
        ${refused && html`<p class="reason" role="alert">${refused}</p>`}
        <div class="camera-buttons">
          ${records && state === "live" && html`
            <button class=${playing ? "" : "primary"} type="button" aria-label=${`${t(playing ? "stopLive" : "playLive")}: ${name}`}
              onClick=${() => play(playing ? "" : name)}>${t(playing ? "stopLive" : "playLive")}</button>`}
          ${camera.webcam && state !== "paused" && (mine || state !== "live") && html`
            <button class=${mine ? "" : "primary"} type="button" aria-label=${`${t(mine ? "stopWebcam" : "sendWebcam")}: ${name}`}
              onClick=${mine ? stopSending : sendNow}>${t(mine ? "stopWebcam" : "sendWebcam")}</button>`}
          <a class="button" ...${search}>${t("recordings")}</a>
          ${isOurs(camera) && html`
            <button class="plain" type="button" aria-label=${`${t(state === "paused" ? "resume" : "pause")}: ${name}`} onClick=${pause}>
              ${t(state === "paused" ? "resume" : "pause")}</button>
            ${!camera.webcam && html`<button class="plain" type="button" aria-label=${`${t("testCamera")}: ${name}`} onClick=${test}>${t("testCamera")}</button>`}
            <button class="plain" type="button" title=${t("remove")} aria-label=${`${t("remove")}: ${name}`}
              onClick=${() => askTo(true)}><${Icon} name="bin" /></button>`}
        </div>
        <p class="told" role="status">${told}</p>
        ${asked && html`
          <div class="sure" role="group" aria-label=${t("removeCamera", { name })}>
            <p>${t("removeCamera", { name })}</p>
            <button class="primary" type="button" onClick=${remove}>${t("remove")}</button>
            <button type="button" onClick=${() => askTo(false)}>${t("cancel")}</button>
          </div>`}
      </div>
    </li>
  `;
}

/** @param {Camera} camera */
function figuresOf({ state, fps_in: fps, dropped, delay_p50_s: delay }) {
  if (state !== "live" && state !== "stalled") return "";
  const tenth = numbers(locale(), { maximumFractionDigits: 1 });
  return [
    t("fpsIn", { fps: tenth.format(fps) }),
    ...(dropped ? [t("framesDropped", { count: dropped })] : []),
    ...(delay === null ? [] : [t("delay", { seconds: tenth.format(delay) })]),
  ].join(" · ");
}

/**
 * The newest picture that was looked at; none where there is none yet.
 * @param {{camera: Camera}} props
 */
function Still({ camera }) {
  const url = stillUrl(camera);
  const [missing, miss] = useState("");
  if (!camera.embedded) return null;
  return html`<img src=${url} alt="" decoding="async" class=${missing === url ? "missing" : ""} onError=${() => miss(url)} />`;
}

/** @param {{camera: Camera, stop: () => void}} props */
function Now({ camera, stop }) {
  const { name } = camera;
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const [reason, refuse] = useState("");
  const [again, repeat] = useState(0);
  useEffect(() => {
    const mine = new AbortController();
    const { current } = video;
    if (!current) return undefined;
    follow(current, `v1/cameras/${encodeURIComponent(name)}/live`, mine.signal)
      .then((how) => {
        if (mine.signal.aborted) return;
        if (how === "unplayable") refuse(t("liveUnplayable"));
        else repeat(again + 1); // the server ends streams now and then
      })
      .catch((error) => {
        if (mine.signal.aborted) return;
        refuse(error instanceof TypeError || error instanceof DOMException ? t("liveUnplayable") : said(error));
      });
    return () => mine.abort();
  }, [name, again]);
  return html`
    <${Still} camera=${camera} />
    ${!reason && html`<video ref=${video} class="now" muted autoplay playsinline aria-label=${t("liveOf", { name })}></video>`}
    ${reason && html`<p class="over" role="alert">${reason} <button type="button" onClick=${stop}>${t("close")}</button></p>`}
  `;
}
