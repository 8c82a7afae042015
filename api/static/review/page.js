// The review page: one sample after the other, decided on by keyboard.

import { ask, problemIn, said } from "../api.js";
import { Notice } from "../components/notice.js";
import { moment, percent } from "../format.js";
import { useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { route } from "../navigation.js";
import { html, useEffect, useLayoutEffect, useState } from "../vendor/preact.js";
import { coded } from "./coded.js";
import { Correction } from "./correction.js";
import { Qualities } from "./quality.js";

/** @typedef {import("./types.js").ReviewSample} Sample */

const SHOWS = /** @type {const} */ (["open", "second", "disputed"]);
const SHOWN = { open: "reviewOpen", second: "reviewSecond", disputed: "reviewDisputed" };
const KEYS = { a: "accept", r: "reject", s: "skip", u: "undo" };

/** Whether a key belongs to what is written somewhere, or to the browser. */
const isTyped = (/** @type {KeyboardEvent} */ event) =>
  event.ctrlKey || event.metaKey || event.altKey
  || (event.target instanceof Element && event.target.closest("input, select, textarea, dialog") !== null);

export default function Review() {
  const { collection } = useValue(route);
  const [rules, know] = useState(/** @type {import("./types.js").Rule[] | null} */ (null));
  const [lists, list] = useState(/** @type {string[]} */ ([]));
  const [chosen, choose] = useState("");
  const [show, look] = useState(/** @type {(typeof SHOWS)[number]} */ ("open"));
  const [queue, fill] = useState(/** @type {{samples: Sample[], waiting: number} | null} */ (null));
  const [last, remember] = useState(/** @type {Sample | null} */ (null));
  const [begun, begin] = useState(0);
  const [isCorrecting, correct] = useState(false);
  const [reason, refuse] = useState("");
  const [problem, fail] = useState(/** @type {import("../types.js").Problem | null} */ (null));
  const within = /** @type {Record<string, string>} */ (collection ? { collection } : {});

  const load = async () => {
    const given = new URLSearchParams(within);
    given.set("show", show);
    if (chosen) given.set(chosen.slice(0, 4), chosen.slice(5));
    try {
      const known = await ask(`v1/rules?${new URLSearchParams(within)}`);
      know(known.rules);
      list(known.lists.map((/** @type {{name: string}} */ each) => each.name));
      fill(await ask(`v1/samples?${given}`));
      fail(null);
      begin(performance.now());
    } catch (error) {
      fail(problemIn(error));
    }
  };
  useEffect(() => { load(); }, [chosen, show, collection]);

  const names = (rules ?? []).map((rule) => rule.name);
  const sample = queue?.samples[0];
  // What keys are about is what was drawn last, and one decision waits for the one before.
  const [now] = useState({ sample, isBusy: false });
  now.sample = sample;
  /**
   * @param {string} verdict
   * @param {object} more what a correction says
   */
  const decide = async (verdict, more = {}) => {
    const about = verdict === "undo" ? last : now.sample;
    if (!about || now.isBusy) return;
    now.isBusy = true;
    const seconds = Math.min(86400, (performance.now() - begun) / 1000);
    refuse("");
    try {
      await ask("v1/decisions", { method: "POST", json: { ...within, sample: about.id, verdict, seconds, ...more } });
      remember(verdict === "undo" ? null : about);
      correct(false);
      await load();
    } catch (error) {
      refuse(said(error));
    } finally {
      now.isBusy = false;
    }
  };
  // Before the browser paints: a key that is pressed at once is about what is seen.
  useLayoutEffect(() => {
    const pressed = (/** @type {KeyboardEvent} */ event) => {
      if (isTyped(event) || event.repeat) return;
      const key = event.key.toLowerCase();
      if (key === "c" && sample) correct(true);
      else if (Object.hasOwn(KEYS, key)) decide(KEYS[/** @type {keyof typeof KEYS} */ (key)]);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  });

  /** @param {() => void} change what is shown; the reader is led to it */
  const lead = (change) => {
    change();
    document.querySelector(".review h1")?.scrollIntoView();
    /** @type {HTMLElement | null} */ (document.querySelector(".review select"))?.focus({ preventScroll: true });
  };
  const option = (/** @type {string} */ value, /** @type {string} */ name) =>
    html`<option key=${value} value=${value} selected=${value === chosen}>${name}</option>`;
  return html`
    <div class="review">
      <div class="page-head"><h1>${t("review")}</h1><span class="gap"></span>
        <label><span class="hidden">${t("reviewOf")}</span>
          <select onChange=${(/** @type {any} */ event) => choose(event.target.value)}>
            ${option("", t("reviewEvery"))}
            ${names.map((name) => option(`rule:${name}`, name))}
            ${lists.map((name) => option(`list:${name}`, `≡ ${name}`))}
          </select></label>
        <label><span class="hidden">${t("reviewOf")}</span>
          <select onChange=${(/** @type {any} */ event) => look(event.target.value)}>
            ${SHOWS.map((each) => html`<option key=${each} value=${each} selected=${each === show}>${t(/** @type {any} */ (SHOWN[each]))}</option>`)}
          </select></label>
      </div>
      ${problem && html`<${Notice} problem=${problem} retry=${load} />`}
      ${queue && html`<p class="quiet" role="status">${t("reviewWaiting", { count: queue.waiting })}</p>`}
      ${queue && !sample && html`<p class="quiet">${coded(t("reviewNothing"))}</p>`}
      ${sample && html`
        <section class="sample" aria-label=${sample.title}>
          <h2>${t("reviewAsks", { rule: sample.rule })}</h2>
          <video key=${sample.id} src=${sample.play_url} poster=${sample.thumbnail_url} controls muted preload="metadata"
            aria-label=${sample.title}></video>
          <p><span dir="auto">${sample.title}</span>${": "}
            ${t("reviewSpan", { from: moment(sample.start), to: moment(sample.end) })}${", "}
            ${t("reviewRelevance", { percent: percent(sample.relevance, locale()) })}</p>
        </section>`}
      ${reason && html`<p class="reason" role="alert">${reason}</p>`}
      <div class="verdicts">
        <button type="button" disabled=${!sample} onClick=${() => decide("accept")}>${t("reviewAccept")}</button>
        <button type="button" disabled=${!sample} onClick=${() => decide("reject")}>${t("reviewReject")}</button>
        <button type="button" class="plain" disabled=${!sample} onClick=${() => correct(true)}>${t("reviewCorrect")}</button>
        <button type="button" class="plain" disabled=${!sample} onClick=${() => decide("skip")}>${t("reviewSkip")}</button>
        <button type="button" class="plain" disabled=${!last} onClick=${() => decide("undo")}>${t("reviewUndo")}</button>
      </div>
      ${sample && isCorrecting && html`<${Correction} key=${sample.id} sample=${sample} rules=${names} decide=${decide} />`}
      <p class="quiet">${t("reviewKeys")}</p>
      ${rules && html`<${Qualities} rules=${rules} chosen=${chosen.startsWith("rule:") ? chosen.slice(5) : ""}
        within=${within} queue=${queue} review=${(/** @type {string} */ name) => lead(() => { choose(`rule:${name}`); look("open"); })}
        disputes=${() => lead(() => look("disputed"))} />`}
    </div>
  `;
}
