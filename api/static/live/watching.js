// "Tell me when this happens again": a watch that is made of a search, after it was tried over the past.

import { ask } from "../api.js";
import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { route } from "../navigation.js";
import { question } from "../question.js";
import { worded } from "../components/composed.js";
import { Dialog } from "../components/dialog.js";
import { html, useState } from "../vendor/preact.js";
import { WatchForm } from "./watchform.js";
import { watched } from "./words.js";

/** @param {{close: () => void}} props */
export default function Watching({ close }) {
  const now = useValue(route);
  const [made, become] = useState(false);
  /** @param {import("../types.js").WatchSettings} settings */
  const make = async ({ cameras, hours, ...settings }) => {
    await ask("v1/watches", {
      json: { ...watched(question(now)), ...settings, ...(cameras ? { cameras } : {}), ...(hours ? { hours } : {}) },
    });
    become(true);
  };
  if (made) {
    return html`<${Dialog} name="watching" title=${t("watchMade")} detail=${t("watchMadeDetail")} onClose=${close}>
      <div class="live-form"><div class="player-take">
        <a class="button primary" href="./#/live">${t("toLive")}</a>
        <button type="button" onClick=${close}>${t("close")}</button></div></div><//>`;
  }
  const start = { name: worded(now), threshold: 0.5, cameras: null, hours: null, cooldown: 60, keeps: false };
  return html`
    <${Dialog} name="watching" title=${t("tellMe")} detail=${worded(now)} onClose=${close}>
      <${WatchForm} start=${start} query=${watched(question(now))} action="switchOn" save=${make} close=${close} />
    <//>
  `;
}
