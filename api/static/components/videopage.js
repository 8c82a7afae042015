// One video: what is known of it, and all its segments.

import { ask, parameters, problemIn } from "../api.js";
import { between, bytes, date, moment } from "../format.js";
import { useValue } from "../hooks.js";
import { locale, t } from "../language.js";
import { here } from "../library.js";
import { link } from "../navigation.js";
import { html, useEffect, useState } from "../vendor/preact.js";
import { Picture } from "./card.js";
import { Editing } from "./editing.js";
import { Icon } from "./icons.js";
import { Name } from "./name.js";
import { Notice } from "./notice.js";
import { Preview, usePreview } from "./preview.js";
import { VirtualList } from "./virtuallist.js";

/** @param {{id: string}} props */
export function VideoPage({ id }) {
  const collection = useValue(here);
  const [{ video, segments, problem }, set] = useState({
    video: /** @type {import("../types.js").Video | null} */ (null),
    segments: /** @type {import("../types.js").Segment[]} */ ([]),
    problem: /** @type {import("../types.js").Problem | null} */ (null),
  });
  const load = () => {
    if (!collection) return;
    const path = `v1/videos/${encodeURIComponent(id)}`;
    const which = parameters({ collection });
    Promise.all([ask(path + which), ask(`${path}/segments${which}`)])
      .then(([video, { segments }]) => set({ video, segments, problem: null }))
      .catch((error) => set({ video: null, segments: [], problem: problemIn(error) }));
  };
  useEffect(load, [id, collection]);
  return html`
    <p><a class="back" ...${link({ page: "library", video: "", open: null })}><${Icon} name="previous" />${t("back")}</a></p>
    ${problem && html`<${Notice} problem=${problem} />`}
    ${video && html`
      <h1 class="video-title" dir="auto"><${Name} text=${video.title} /></h1>
      <${Facts} video=${video} />
      <div class="player-take">
        <a class="button primary" ...${link({ open: { video: id, start: 0, end: 0 } })}><${Icon} name="on" />${t("play")}</a>
        <a class="button" href=${video.file_url} download=${video.title}><${Icon} name="download" />${t("download")}</a>
        <${Editing} video=${video} collection=${collection} changed=${load} />
      </div>
      <h2>${t("segmentsCount", { count: segments.length })}</h2>
      <${VirtualList} items=${segments} keyOf=${(/** @type {any} */ each) => String(each.id)} label=${t("moments_of")}
        draw=${(/** @type {import("../types.js").Segment} */ segment) => html`<${SegmentCard} id=${id} segment=${segment} />`} />
    `}
  `;
}

/** @param {{video: import("../types.js").Video}} props */
function Facts({ video }) {
  const state = video.state === "incomplete" ? `${t("stateIncomplete")}: ${video.reason}` : t("stateIndexed");
  const facts = [
    [t("videoLength"), moment(video.duration)],
    [t("videoPicture"), `${video.width} × ${video.height}`],
    [t("videoSize"), bytes(video.size_bytes, locale())],
    ...(video.recorded_at ? [[t("videoRecorded"), date(video.recorded_at, locale())]] : []),
    [t("videoIndexed"), video.indexed_at ? date(video.indexed_at, locale()) : "–"],
    [t("videoState"), state],
    [t("videoTags"), video.tags.join(", ") || "–"],
  ];
  return html`
    <dl class="facts">
      ${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd dir="auto">${value}</dd></div>`)}
    </dl>
  `;
}

/** @param {{id: string, segment: import("../types.js").Segment}} props */
function SegmentCard({ id, segment }) {
  const { start, end } = segment;
  const [playing, handlers] = usePreview(`${id} ${start}`);
  return html`
    <a class="card bare" ...${link({ open: { video: id, start, end } })} ...${handlers} data-moment="${id} ${start}">
      <span class="picture">
        <${Picture} url=${segment.thumbnail_url} />
        ${playing && html`<${Preview} url=${segment.play_url} start=${start} end=${end} />`}
        <span class="span">${between(start, end)}</span>
      </span>
    </a>
  `;
}
