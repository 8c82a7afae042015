// The list of keys.

import { t } from "../language.js";
import { html } from "../vendor/preact.js";
import { signal } from "../vendor/signals.js";
import { Dialog } from "./dialog.js";

export const helping = signal(false);

/** @type {[string[], import("../language.js").Key][]} */
const EVERYWHERE = [
  [["/"], "helpBox"],
  [["←", "→", "↑", "↓"], "helpCards"],
  [["Enter"], "helpOpen"],
  [["Esc"], "helpEscape"],
  [["?"], "helpHelp"],
];
/** @type {[string[], import("../language.js").Key][]} */
const PLAYER = [
  [["Space", "K"], "helpPause"],
  [["←", "→"], "helpMoments"],
  [["J", "L"], "helpSeconds"],
  [[",", "."], "helpFrames"],
  [["A"], "helpAgain"],
  [["R"], "helpLoop"],
];

export function Help() {
  return html`
    <${Dialog} name="help" title=${t("help")} onClose=${() => { helping.value = false; }}>
      <div class="help">
        <${Keys} title=${t("helpEverywhere")} rows=${EVERYWHERE} />
        <${Keys} title=${t("helpPlayer")} rows=${PLAYER} />
      </div>
    <//>
  `;
}

/** @param {{title: string, rows: typeof PLAYER}} props */
const Keys = ({ title, rows }) => html`
  <section>
    <h3>${title}</h3>
    <dl>
      ${rows.map(([keys, what]) => html`
        <div key=${what}>
          <dt>${keys.map((key) => html`<kbd key=${key}>${key}</kbd> `)}</dt>
          <dd>${t(what)}</dd>
        </div>
      `)}
    </dl>
  </section>
`;
