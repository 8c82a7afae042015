// The bar with the chosen moments: how many there are, and what can be made of them.

import { useValue } from "../hooks.js";
import { t } from "../language.js";
import { here } from "../library.js";
import { route } from "../navigation.js";
import { chosen, clear, exported, formats, isSame, toggle } from "../selection.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Icon } from "./icons.js";

const LONGEST_NAME = 200;

export function SelectionBar() {
  const moments = useValue(chosen);
  const [reason, say] = useState("");
  const [offered, offer] = useState(/** @type {import("../selection.js").Format[]} */ ([]));
  const isEmpty = !moments.length;
  useEffect(() => {
    if (isEmpty) return undefined;
    let mine = true;
    formats().then((found) => mine && offer(found));
    return () => { mine = false; };
  }, [isEmpty]);
  if (isEmpty) return null;
  return html`
    <section class="selection" aria-label=${t("selection")}>
      <strong>${t("chosenCount", { count: moments.length })}</strong>
      <span role="group" aria-label=${t("editList")}>
        ${offered.map((format) => html`
          <button key=${format} id=${format} type="button" title=${t(`format_${format}`)}
            onClick=${async () => say(await exported(format))}>
            <${Icon} name="download" />${format.toUpperCase()}</button>
        `)}
      </span>
      <button class="plain" type="button" onClick=${clear}><${Icon} name="close" />${t("recentClear")}</button>
      ${reason && html`<p class="reason" role="alert">${reason}</p>`}
    </section>
  `;
}

/** @param {{opened: import("./player.js").Opened}} props */
export function Choose({ opened }) {
  const { id: video, start, end } = opened;
  const { query } = useValue(route);
  const collection = useValue(here);
  const isChosen = useValue(chosen).some((each) => isSame(each, { video, start }));
  return html`
    <button id="choose" type="button" aria-pressed=${String(isChosen)}
      onClick=${() => toggle({ collection, video, start, end, name: query.slice(0, LONGEST_NAME) })}>
      <${Icon} name=${isChosen ? "check" : "plus"} />${t(isChosen ? "isChosen" : "choose")}</button>
  `;
}
