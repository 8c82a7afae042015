// What a watch has besides its query: cameras, hours, threshold; and what it would have done last week.

import { ask, said } from "../api.js";
import { clock, numbers, percent } from "../format.js";
import { locale, t } from "../language.js";
import { Picture } from "../components/card.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { hoursOf } from "./words.js";

const DAYS = 7;
const LONGEST_NAME = 200;
const SHOWN = 12;

/** @typedef {import("../types.js").Trial} Trial */
/** @typedef {import("../types.js").WatchSettings} WatchSettings */

/**
 * @param {object} props
 * @param {WatchSettings} props.start what the fields begin with
 * @param {Record<string, any> | null} props.query what is watched for; null if it cannot be tried
 * @param {import("../language.js").Key} props.action what the button says
 * @param {(settings: WatchSettings) => Promise<void>} props.save
 * @param {() => void} props.close
 */
export function WatchForm({ start, query, action, save, close }) {
  const [threshold, set] = useState(start.threshold);
  const [wanted, want] = useState("3");
  const [trial, find] = useState(/** @type {Trial | null} */ (null));
  const [state, enter] = useState(/** @type {"" | "trying" | "saving"} */ (""));
  const [reason, refuse] = useState("");
  const [chosen, choose] = useState(start.cameras ?? []);
  const [cameras, know] = useState(chosen);
  const [{ from, to }, limit] = useState({ from: start.hours?.start ?? "", to: start.hours?.end.replace("24:00", "") ?? "" });
  useEffect(() => {
    ask("v1/cameras").then((found) => {
      const names = found.cameras.map((/** @type {any} */ { name }) => name);
      know([...names, ...chosen.filter((name) => !names.includes(name))]);
    }).catch(() => {});
  }, []);
  const zone = start.hours?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const limits = () => {
    const { hours } = /** @type {{hours?: object}} */ (hoursOf(from, to, zone));
    const days = start.hours?.days ? { days: start.hours.days } : {};
    return { cameras: chosen.length ? chosen : null, hours: hours ? /** @type {any} */ ({ ...days, ...hours }) : null };
  };
  /** @param {number} least */
  const attempt = async (least) => {
    refuse("");
    enter("trying");
    const given = Object.fromEntries(Object.entries(limits()).filter(([, value]) => value !== null));
    const goal = Number(wanted) > 0 ? { alerts_per_day: Number(wanted) } : {};
    try {
      find(await ask("v1/watches/test", { json: { ...query, ...given, threshold: least, days: DAYS, ...goal } }));
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
  const submit = async (event) => {
    event.preventDefault();
    if (state) return;
    const form = new FormData(event.target);
    refuse("");
    enter("saving");
    try {
      await save({
        name: String(form.get("name")).trim(), threshold, ...limits(),
        cooldown: 60 * Number(form.get("cooldown") || 0), keeps: form.has("keeps"),
      });
    } catch (error) {
      refuse(said(error));
      enter("");
    }
  };
  const toggle = (/** @type {string} */ name) =>
    choose(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
  return html`
    <form class="live-form" onSubmit=${submit}>
      <label>${t("watchName")}<input name="name" required maxlength=${LONGEST_NAME} dir="auto" defaultValue=${start.name.slice(0, LONGEST_NAME)} /></label>
      ${cameras.length > 0 && html`
        <fieldset class="tags"><legend>${t("onlyCameras")}</legend>
          ${cameras.map((name) => html`<button key=${name} class="chip" type="button"
            aria-pressed=${String(chosen.includes(name))} onClick=${() => toggle(name)}>${name}</button>`)}
        </fieldset>`}
      <div class="pair">
        <label>${t("watchFrom")}<input type="time" value=${from} onInput=${(/** @type {any} */ event) => limit({ from: event.target.value, to })} /></label>
        <label>${t("watchTo")}<input type="time" value=${to} onInput=${(/** @type {any} */ event) => limit({ from, to: event.target.value })} /></label>
        <label>${t("cooldown")}<input name="cooldown" type="number" min="0" max="1440" step="any" defaultValue=${start.cooldown / 60} /></label>
      </div>
      <label class="check"><input name="keeps" type="checkbox" defaultChecked=${start.keeps} />${t("watchKeeps")}</label>
      <label class="slider"><span>${t("threshold")}</span>
        <input id="threshold" type="range" min="0.05" max="0.99" step="0.01" value=${threshold}
          aria-valuetext=${percent(threshold, locale())} onInput=${(/** @type {any} */ event) => set(Number(event.target.value))} />
        <output>${percent(threshold, locale())}</output></label>
      ${query && html`
        <div class="pair">
          <label>${t("wantedADay")}<input id="wanted" type="number" min="0" max="1000" step="any" value=${wanted}
            onInput=${(/** @type {any} */ event) => want(event.target.value)} /></label>
          <button id="try" type="button" aria-disabled=${state ? "true" : undefined} onClick=${() => !state && attempt(threshold)}>
            ${t(state === "trying" ? "trying" : "tryWatch")}</button>
        </div>`}
      <div role="status">${trial && html`<${Tried} trial=${trial} threshold=${threshold} use=${use} />`}</div>
      ${reason && html`<p class="reason" role="alert">${reason}</p>`}
      <div class="player-take">
        <button id="make-watch" class="primary" type="submit" aria-disabled=${state ? "true" : undefined}>${t(action)}</button>
        <button type="button" onClick=${close}>${t("cancel")}</button>
      </div>
    </form>
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
