// One video: its picture, length, name, state and tags.

import { moment, shorten } from "../format.js";
import { t } from "../language.js";
import { link } from "../navigation.js";
import { html } from "../vendor/preact.js";
import { Picture } from "./card.js";
import { Name } from "./name.js";

const LONGEST = 58; // characters of a title

/** @param {{video: import("../types.js").Video}} props */
export const VideoCard = ({ video }) => html`
  <a class="card video" ...${link({ page: "video", video: video.id, open: null })}>
    <span class="picture">
      <${Picture} url=${video.thumbnail_url} />
      <span class="span">${moment(video.duration)}</span>
      ${video.state === "incomplete" && html`<span class="badge">${t("stateIncomplete")}</span>`}
    </span>
    <span class="caption">
      <span class="title" dir="auto" title=${video.title}><${Name} text=${shorten(video.title, LONGEST)} /></span>
      <span class="quiet">${[t("segmentsCount", { count: video.segments }), ...video.tags].join(" · ")}</span>
    </span>
  </a>
`;
