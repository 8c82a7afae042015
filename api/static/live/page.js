// The live page: cameras as tiles, alerts as they come, and the watches that make them.

import { ask, problemIn } from "../api.js";
import { useLook } from "../hooks.js";
import { t } from "../language.js";
import { Notice } from "../components/notice.js";
import { html, useState } from "../vendor/preact.js";
import { AddCamera } from "./adding.js";
import { Alerts } from "./alerts.js";
import { Tile } from "./tile.js";
import { AddWebcam } from "./webcamform.js";
import { Watches } from "./watches.js";
import { isOurs } from "./words.js";

const LOOK_MS = 2000;

export default function Live() {
  const [cameras, set] = useState(/** @type {import("../types.js").Camera[] | null} */ (null));
  const [problem, fail] = useState(/** @type {import("../types.js").Problem | null} */ (null));
  const [playing, play] = useState("");
  const look = async () => {
    try {
      set((await ask("v1/cameras")).cameras);
      fail(null);
    } catch (error) {
      fail(problemIn(error));
    }
  };
  useLook(look, LOOK_MS);
  // Where there is a camera, it says whether somebody may add others; the server decides in any case.
  const mayAdd = cameras !== null && (!cameras.length || cameras.some(isOurs));
  return html`
    <div class="live-view">
      <div class="page-head"><h1>${t("navLive")}</h1><span class="gap"></span>
        ${mayAdd && html`
          <${AddWebcam} names=${cameras.map(({ name }) => name)} changed=${look} />
          <${AddCamera} changed=${look} />`}</div>
      ${problem && html`<${Notice} problem=${problem} retry=${look} />`}
      ${cameras && !cameras.length && html`<p class="quiet">${t("noCameras")}</p>`}
      ${cameras && cameras.length > 0 && html`<h2 class="hidden">${t("cameras")}</h2>`}
      <ul class="cameras">
        ${cameras?.map((camera) => html`
          <${Tile} key=${camera.name} camera=${camera} playing=${playing === camera.name} play=${play} changed=${look} />`)}
      </ul>
      <${Alerts} />
      <${Watches} />
    </div>
  `;
}
