// The form that changes the title and the tags of a video, and the button that removes it.

import { edit, remove, tagsIn } from "../changing.js";
import { t } from "../language.js";
import { go } from "../navigation.js";
import { html, useState } from "../vendor/preact.js";
import { Icon } from "./icons.js";

const LONGEST_TITLE = 500;

/**
 * @param {{video: import("../types.js").Video, collection: string, changed: () => void}} props
 */
export function Editing({ video, collection, changed }) {
  const [state, set] = useState(/** @type {"shown" | "editing" | "saving"} */ ("shown"));
  const [reason, say] = useState("");
  const named = { id: video.id, title: video.title, collection, indexed: video.indexed_at };
  /** @param {any} event */
  const saved = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    set("saving");
    const why = await edit(named, { title: String(form.get("title")).trim(), tags: tagsIn(String(form.get("tags"))) });
    say(why);
    set(why ? "editing" : "shown");
    if (!why) changed();
  };
  const removed = () => {
    remove(named);
    go({ page: "library", video: "" });
  };
  if (state === "shown") {
    return html`
      <button id="edit" type="button" onClick=${() => set("editing")}><${Icon} name="pen" />${t("edit")}</button>
      <button id="remove" type="button" onClick=${removed}><${Icon} name="bin" />${t("remove")}</button>
    `;
  }
  return html`
    <form id="editing" class="editing" onSubmit=${saved}>
      <label>${t("videoTitle")}<input name="title" required maxlength=${LONGEST_TITLE} dir="auto" defaultValue=${video.title} /></label>
      <label>${t("videoTags")}<input name="tags" dir="auto" defaultValue=${video.tags.join(", ")}
        placeholder=${t("tagsHint")} /></label>
      ${reason && html`<p class="reason" role="alert">${reason}</p>`}
      <div class="player-take">
        <button class="primary" type="submit" aria-disabled=${state === "saving" ? "true" : undefined}>
          ${state === "saving" ? t("saving") : t("save")}</button>
        <button type="button" onClick=${() => set("shown")}>${t("cancel")}</button>
      </div>
    </form>
  `;
}
