// "Tell me when this happens again": a watch that is made of a search, after it was tried over the past.

import { ask, said } from "../api.js";
import { clock, numbers, percent } from "../format.js";
import { useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { route } from "../navigation.js";
import { question } from "../question.js";
import { Picture } from "../components/card.js";
import { worded } from "../components/composed.js";
import { Dialog } from "../components/dialog.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { hoursOf, watched } from "./words.js";

const DAYS = 7;
const LONGEST_NAME = 200;
const SHOWN = 12;

/** @typedef {import("../types.js").Trial} Trial */

/** @param {{close: () => void}} props */
export default function Watching({ close }) {
  const now = useValue(route);
  const [threshold, set] = useState(0.5);
  const [wanted, want] = useState("3");
  const [trial, find] = useState(/** @type {Trial | null} */ (null));
  const [state, enter] = useState(/** @type {"" | "trying" | "saving" | "made"} */ (""));
  const [reason, refuse] = useState("");
  const [chosen, choose] = useState(/** @type {string[]} */ ([]));
  const [cameras, know] = useState(/** @type {string[]} */ ([]));
  const [{ from, to }, limit] = useState({ from: "", to: "" });
  useEffect(() => {
    ask("v1/cameras").then((found) => know(found.cameras.map((/** @type {any} */ { name }) => name))).catch(() => {});
  }, []);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const asked = () => ({
    ...watched(question(now)), threshold, ...(chosen.length ? { cameras: chosen } : {}), ...hoursOf(from, to, zone),
  });
  /** @param {number} least */
  const attempt = async (least) => {
    refuse("");
    enter("trying");
    const goal = Number(wanted) > 0 ? { alerts_per_day: Number(wanted) } : {};
    try {
      find(await ask("v1/watches/test", { json: { ...asked(), threshold: least, days: DAYS, ...goal } }));
    } catch (error) {
      refuse(said(error));
    }
    enter("");
  };
  /** @param {number} least */
  const use = (least) => {
    set(least);
    attempt(least);
  };
  /** @param {any} event */
  const make = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    refuse("");
    enter("saving");
    const name = String(form.get("name")).trim();
    try {
      await ask("v1/watches", { json: { ...asked(), name, cooldown: 60 * Number(form.get("cooldown") || 0), keeps: form.has("keeps") } });
      enter("made");
    } catch (error) {
      refuse(said(error));
      enter("");
    }
  };
  if (state === "made") {
    return html`<${Dialog} name="watching" title=${t("watchMade")} detail=${t("watchMadeDetail")} onClose=${close}>
      <div class="live-form"><div class="player-take">
        <a class="button primary" href="./#/live">${t("toLive")}</a>
        <button type="button" onClick=${close}>${t("close")}</button></div></div><//>`;
  }
  const toggle = (/** @type {string} */ name) =>
    choose(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
  return html`
    <${Dialog} name="watching" title=${t("tellMe")} detail=${worded(now)} onClose=${close}>
      <form class="live-form" onSubmit=${make}>
        <label>${t("watchName")}<input name="name" required maxlength=${LONGEST_NAME} dir="auto" defaultValue=${worded(now).slice(0, LONGEST_NAME)} /></label>
        ${cameras.length > 0 && html`
          <fieldset class="tags"><legend>${t("onlyCameras")}</legend>
            ${cameras.map((name) => html`<button key=${name} class="chip" type="button"
              aria-pressed=${String(chosen.includes(name))} onClick=${() => toggle(name)}>${name}</button>`)}
          </fieldset>`}
        <div class="pair">
          <label>${t("watchFrom")}<input type="time" value=${from} onInput=${(/** @type {any} */ event) => limit({ from: event.target.value, to })} /></label>
          <label>${t("watchTo")}<input type="time" value=${to} onInput=${(/** @type {any} */ event) => limit({ from, to: event.target.value })} /></label>
          <label>${t("cooldown")}<input name="cooldown" type="number" min="0" max="1440" step="any" defaultValue="1" /></label>
        </div>
        <label class="check"><input name="keeps" type="checkbox" />${t("watchKeeps")}</label>
        <label class="slider"><span>${t("threshold")}</span>
          <input id="threshold" type="range" min="0.05" max="0.99" step="0.01" value=${threshold}
            aria-valuetext=${percent(threshold, locale())} onInput=${(/** @type {any} */ event) => set(Number(event.target.value))} />
          <output>${percent(threshold, locale())}</output></label>
        <div class="pair">
          <label>${t("wantedADay")}<input id="wanted" type="number" min="0" max="1000" step="any" value=${wanted}
            onInput=${(/** @type {any} */ event) => want(event.target.value)} /></label>
          <button id="try" type="button" aria-disabled=${state ? "true" : undefined} onClick=${() => !state && attempt(threshold)}>
            ${t(state === "trying" ? "trying" : "tryWatch")}</button>
        </div>
        <div role="status">${trial && html`<${Tried} trial=${trial} threshold=${threshold} use=${use} />`}</div>
        ${reason && html`<p class="reason" role="alert">${reason}</p>`}
        <div class="player-take">
          <button id="make-watch" class="primary" type="submit" aria-disabled=${state ? "true" : undefined}>${t("switchOn")}</button>
          <button type="button" onClick=${close}>${t("cancel")}</button>
        </div>
      </form>
    <//>
  `;
}

/**
 * What the watch would have done, with pictures, and the threshold that is proposed.
 * @param {{trial: Trial, threshold: number, use: (threshold: number) => void}} props
 */
function Tried({ trial, threshold, use }) {
  const { alerts, days, alerts_per_day: each, moments, proposed } = trial;
  const tenth = numbers(locale(), { maximumFractionDigits: 1 });
  const isOther = proposed !== null && Math.abs(proposed.threshold - threshold) >= 0.005;
  return html`
    <p>${t("wouldHave", { count: alerts, days: tenth.format(days), each: tenth.format(each) })}</p>
    ${proposed && isOther && html`
      <p>${t("proposed", { percent: percent(proposed.threshold, locale()), each: tenth.format(proposed.alerts_per_day) })}
        <button id="use" type="button" onClick=${() => use(proposed.threshold)}>${t("useThat")}</button></p>`}
    <ol class="cards small">
      ${moments.slice(0, SHOWN).map((moment) => html`
        <li key=${`${moment.video_id} ${moment.start}`}><div class="card">
          <span class="picture"><${Picture} url=${moment.thumbnail_url} />
            <span class="span">${percent(moment.relevance, locale())}</span></span>
          <span class="caption"><span class="quiet">${[moment.camera, moment.start_at && clock(moment.start_at, locale())].filter(Boolean).join(" · ")}</span></span>
        </div></li>`)}
    </ol>
  `;
}
