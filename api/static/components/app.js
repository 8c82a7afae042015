// The whole page: the header, one of its views, the player and the list of keys above it.

import { useValue } from "../hooks.js";
import { language, t } from "../language.js";
import { route } from "../navigation.js";
import { isAsked } from "../routes.js";
import { html, useEffect } from "../vendor/preact.js";
import { worded } from "./composed.js";
import { Header } from "./header.js";
import { Help, helping } from "./help.js";
import { pressed } from "./keys.js";
import { Later } from "./later.js";
import { Library } from "./library.js";
import { Alias } from "./notice.js";
import { Player } from "./player.js";
import { Results } from "./results.js";
import { SearchBox } from "./searchbox.js";
import { SelectionBar } from "./selection.js";
import { Start } from "./start.js";
import { Status } from "./status.js";
import { Toast } from "./toast.js";
import { DropZone } from "./uploads.js";
import { VideoPage } from "./videopage.js";

const live = () => import("../live/page.js");
const review = () => import("../review/page.js");

export function App() {
  const now = useValue(route);
  const { page, video, open } = now;
  const words = isAsked(now) ? worded(now) : "";
  useValue(language);
  const isHelping = useValue(helping);
  useEffect(() => {
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  useEffect(() => {
    document.title = page === "search" && words ? `${words} – ${t("title")}` : t("title");
  });
  return html`
    <${Header} page=${page} />
    <main class=${page === "search" && !isAsked(now) ? "start" : ""}>
      ${page === "search" && html`
        <${SearchBox} />
        ${isAsked(now) ? html`<${Results} />` : html`<${Start} />`}
      `}
      ${page !== "live" && page !== "status" && html`<${Alias} />`}
      ${page === "library" && html`<${Library} />`}
      ${page === "video" && html`<${VideoPage} key=${video} id=${video} />`}
      ${page === "live" && html`<${Later} load=${live} />`}
      ${page === "review" && html`<${Later} load=${review} />`}
      ${page === "status" && html`<${Status} />`}
    </main>
    ${open && html`<${Player} open=${open} />`}
    <${SelectionBar} />
    <${Toast} />
    <${DropZone} />
    ${isHelping && html`<${Help} />`}
  `;
}
