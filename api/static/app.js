// The page: one search box, a grid of moments, a player. Text is only ever set as textContent.

const LIMIT = 100; // moments asked for, as many as the server gives
const STEP = 24; // moments shown at a time
const NEAREST = 4; // moments shown where none matches
const WEAK = 0.5; // under this relevance a moment rather does not show what was asked

const at = (id) => document.getElementById(id);
const form = at("form");
const box = at("query");
const choice = at("collection");
const statusLine = at("status");
const notice = at("notice");
const results = at("results");
const player = at("player");
const video = at("video");

let hits = [];
let examples = {}; // sentences to try, by collection
let shown = -1; // position of the hit in the player
let playOn = false; // true once the viewer wants to see past the end of the moment
let running = null; // AbortController of the search under way

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

function roughly(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return plural(Math.round(seconds), "second");
  if (minutes < 60) return plural(minutes, "minute");
  return `${plural(Math.floor(minutes / 60), "hour")} ${minutes % 60} min`;
}

// To the nearest tenth of a second, as the command writes it: "01:02.5".
function moment(seconds) {
  const tenths = Math.round(Math.max(0, seconds) * 10);
  return `${clock(tenths / 10)}.${tenths % 10}`;
}

const between = (hit) => `${moment(hit.start)}–${moment(Math.max(hit.end, hit.start + 0.1))}`;
// As the command writes it: rounded down, because "100 %" promises too much.
const percent = (hit) => `${Math.min(99, Math.floor(hit.relevance * 100 + 1e-6))}\u00a0%`;
const plural = (count, one) => `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;

/* Talking to the server */

class Failure extends Error {
  constructor(problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    const detail = `The server answered ${response.status}.`;
    return { title: "The server failed", detail, request_id: response.headers.get("x-request-id") };
  }
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure({ title: "The server does not answer", detail: "Is it still running?" });
  }
  if (!response.ok) throw new Failure(await problemOf(response));
  return response.json();
}

/* States of the page */

function clear() {
  notice.hidden = true;
  notice.replaceChildren();
  results.replaceChildren();
  statusLine.textContent = "";
  statusLine.classList.remove("weak");
}

function say(title, detail, { command = null, requestId = null, error = false } = {}) {
  notice.classList.toggle("error", error);
  notice.replaceChildren(make("h2", { textContent: title }), make("p", { textContent: detail }));
  if (command) notice.append(make("pre", {}, make("code", { textContent: command })));
  if (requestId) {
    notice.append(make("p", { className: "quiet", textContent: `Request ${requestId}` }));
  }
  notice.hidden = false;
}

function sayEmpty() {
  clear();
  const option = choice.value && choice.value !== "default" ? ` --collection ${choice.value}` : "";
  say("No videos yet", "Index a folder of videos, then search:", {
    command: `indexer ingest ~/Videos${option}`,
  });
}

function sayFailure(failure) {
  clear();
  const { type, title, detail, request_id: requestId } = failure.problem;
  if (type.endsWith("/problems/nothing-indexed")) return sayEmpty();
  return say(title ?? "The search failed", detail, { requestId, error: true });
}

function showWaiting() {
  clear();
  statusLine.textContent = "Searching…";
  for (let i = 0; i < 8; i += 1) {
    const lines = [make("span", { className: "line" }), make("span", { className: "line" })];
    const caption = make("span", { className: "caption" }, ...lines);
    const card = make("div", { className: "card waiting" }, make("span", { className: "picture" }), caption);
    results.append(make("li", { ariaHidden: "true" }, card));
  }
}

function showHits(answer) {
  clear();
  hits = answer.hits;
  if (!hits.length) {
    statusLine.textContent = "No moment was found.";
    return;
  }
  const short = answer.truncated_at === null ? "" : ` ${cut(box.value.trim(), answer.truncated_at)}`;
  const note = answer.stale ? `${short} As of ${Math.round(answer.age_s)} s ago.` : short;
  if (Math.max(...hits.map((hit) => hit.relevance)) < WEAK) {
    statusLine.textContent = `Nothing here matches well. Try fewer or other words.${note}`;
    statusLine.classList.add("weak");
    results.append(make("li", { className: "more" }, button("Show the nearest anyway", showNearest)));
    return;
  }
  const many = `${plural(answer.total, "moment")}${answer.more ? " or more" : ""}`;
  const where = ` in ${plural(answer.total_videos, "video")}`;
  statusLine.textContent = `${many}${where}, ${Math.round(answer.took_ms)} ms.${note}`;
  showMore();
}

function cut(query, end) {
  return `The model read only up to “…${query.slice(0, end).slice(-30)}”.`;
}

function button(text, action) {
  const made = make("button", { type: "button", textContent: text });
  made.addEventListener("click", action);
  return made;
}

function showNearest() {
  hits = hits.slice(0, NEAREST);
  results.replaceChildren();
  showMore();
  results.querySelector("button.card")?.focus();
}

// Shows the next cards; the divider comes after the last moment that matches.
function showMore() {
  results.querySelector("li.more")?.remove();
  const from = results.querySelectorAll("button.card").length;
  const good = hits.findLastIndex((hit) => hit.relevance >= WEAK) + 1;
  hits.slice(from, from + STEP).forEach((hit, offset) => {
    // Moments come by score, and relevance weighs how common a picture is: the order may differ.
    if (good > 0 && from + offset === good) results.append(divider());
    results.append(make("li", {}, card(hit, from + offset)));
  });
  const left = hits.length - from - STEP;
  if (left <= 0) return;
  const more = button(`Show ${Math.min(STEP, left)} more`, () => {
    showMore();
    results.querySelectorAll("button.card")[from + STEP]?.focus();
  });
  results.append(make("li", { className: "more" }, more));
}

function divider() {
  return make("li", { className: "divider", textContent: "These match less well:" });
}

function card(hit, position) {
  const picture = make("img", {
    src: hit.thumbnail_url,
    alt: "",
    loading: "lazy",
    decoding: "async",
    onerror: (event) => event.target.classList.add("missing"),
  });
  const bar = make("span", { className: "bar" }, make("i"));
  bar.style.setProperty("--share", hit.relevance);
  const button = make(
    "button",
    { type: "button", className: hit.relevance < WEAK ? "card weak" : "card" },
    make("span", { className: "picture" }, picture, make("span", { className: "span", textContent: between(hit) })),
    make(
      "span",
      { className: "caption" },
      make("span", { className: "title", textContent: hit.video.title, title: hit.video.uri }),
      make("span", { className: "relevance" }, bar, make("span", { textContent: percent(hit) })),
    ),
  );
  button.ariaLabel = `${hit.video.title}, ${between(hit)}, relevance ${percent(hit)}`;
  button.addEventListener("click", () => open(position));
  return button;
}

/* Searching */

async function search() {
  const query = box.value.trim();
  offerExamples(query);
  running?.abort();
  if (!query) {
    clear();
    return;
  }
  const mine = new AbortController();
  running = mine;
  showWaiting();
  const body = { query, limit: LIMIT };
  if (choice.value) body.collection = choice.value;
  try {
    const answer = await ask("v1/search", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: mine.signal,
    });
    if (running === mine) showHits(answer);
  } catch (error) {
    if (!(error instanceof Failure)) {
      if (error.name === "AbortError") return;
      throw error;
    }
    if (running === mine) sayFailure(error);
  }
}

function remember() {
  const address = new URL(location.href);
  const query = box.value.trim();
  address.search = "";
  if (query) address.searchParams.set("q", query);
  if (!choice.hidden) address.searchParams.set("collection", choice.value);
  if (address.href !== location.href) history.pushState(null, "", address);
  document.title = query ? `${query} – clipseek` : "clipseek";
}

function recall() {
  const asked = new URL(location.href).searchParams;
  box.value = asked.get("q") ?? "";
  const named = asked.get("collection");
  if (named && [...choice.options].some((option) => option.value === named)) choice.value = named;
  document.title = box.value ? `${box.value} – clipseek` : "clipseek";
  return search();
}

// Sentences that the chosen library answers; if it answers none, nothing is offered.
function offerExamples(query) {
  const offered = query ? [] : (examples[choice.value] ?? []);
  const buttons = offered.map((example) =>
    button(example, () => {
      box.value = example;
      submit();
    }),
  );
  at("examples").replaceChildren(make("span", { className: "quiet", textContent: "Try" }), ...buttons);
  at("examples").hidden = !buttons.length;
}

function submit() {
  remember();
  return search();
}

async function showLibrary() {
  const { collections, default: own } = await ask("v1/collections");
  choice.replaceChildren(
    ...collections.map(({ name }) => make("option", { value: name, textContent: name })),
  );
  if (collections.some(({ name }) => name === own)) choice.value = own;
  examples = Object.fromEntries(collections.map((each) => [each.name, each.examples]));
  choice.hidden = collections.length < 2;
  const sum = (key) => collections.reduce((total, collection) => total + collection[key], 0);
  if (sum("videos")) {
    at("library").textContent = `${plural(sum("videos"), "video")}, ${roughly(sum("seconds"))}`;
  }
  return sum("videos") > 0;
}

/* The player */

function open(position) {
  const hit = hits[position];
  if (!hit) return;
  shown = position;
  at("player-title").textContent = hit.video.title;
  at("player-span").textContent =
    `${between(hit)} of ${clock(hit.video.duration)}, relevance ${percent(hit)}`;
  at("player-error").hidden = true;
  at("player-file").href = hit.play_url;
  at("previous").disabled = position === 0;
  at("next").disabled = position === hits.length - 1;
  offerPlayOn();
  video.hidden = false;
  // Without the end, so that the browser does not stop there a second time on "Play on".
  video.src = `${hit.play_url.split("#")[0]}#t=${hit.start}`;
  if (!player.open) player.showModal();
  play();
}

function play() {
  // Refused if the browser allows no sound yet, or if the next video was opened meanwhile.
  video.play().catch(() => {});
}

function pauseAtEnd() {
  const hit = hits[shown];
  if (!hit || playOn || video.seeking || video.paused || video.currentTime < hit.end) return;
  video.pause();
  at("play-on").classList.add("primary");
}

function offerPlayOn() {
  playOn = false;
  at("play-on").disabled = false;
  at("play-on").classList.remove("primary");
}

function stopNoMore() {
  playOn = true;
  at("play-on").disabled = true;
  at("play-on").classList.remove("primary");
}

function noticeSeek() {
  const hit = hits[shown];
  if (hit && (video.currentTime > hit.end || video.currentTime < hit.start - 1)) stopNoMore();
}

function goOn() {
  stopNoMore();
  play();
}

function again() {
  offerPlayOn();
  video.currentTime = hits[shown].start;
  play();
}

async function explainFailure() {
  const source = video.getAttribute("src");
  if (!source || !player.open) return;
  let detail = "This browser cannot play this kind of file; open it in a player of your own.";
  try {
    const response = await fetch(source.split("#")[0], { headers: { Range: "bytes=0-0" } });
    if (!response.ok) {
      const problem = await problemOf(response);
      detail = `${problem.detail} (request ${problem.request_id})`;
    }
  } catch {
    detail = "The server does not answer. Is it still running?";
  }
  if (video.getAttribute("src") !== source) return;
  at("player-error").textContent = detail;
  at("player-error").hidden = false;
  video.hidden = true;
}

function closed() {
  video.pause();
  video.removeAttribute("src");
  video.load();
  results.querySelectorAll("button.card")[shown]?.focus();
  shown = -1;
}

/* Keys: / to the box, arrows between moments, Enter and Esc as browsers have them */

function columns() {
  return getComputedStyle(results).gridTemplateColumns.split(" ").length;
}

function move(event) {
  const cards = [...results.querySelectorAll("button.card")];
  const here = cards.indexOf(document.activeElement);
  const inBox = document.activeElement === box;
  if (here < 0 && !(inBox && event.key === "ArrowDown")) return;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() };
  const there = inBox ? 0 : here + steps[event.key];
  const target = there < 0 && event.key === "ArrowUp" ? box : cards[there];
  if (!target) return;
  event.preventDefault();
  target.focus();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (player.open) {
    // In the video itself the arrows seek, as everywhere.
    if (document.activeElement === video) return;
    if (event.key === "ArrowLeft") open(shown - 1);
    if (event.key === "ArrowRight") open(shown + 1);
  } else if (event.key === "/" && !["INPUT", "SELECT"].includes(document.activeElement?.tagName)) {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key.startsWith("Arrow")) {
    move(event);
  }
}

/* Start */

form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
choice.addEventListener("change", submit);
addEventListener("popstate", recall);
addEventListener("keydown", pressed);
player.addEventListener("close", closed);
player.addEventListener("click", (event) => {
  if (event.target === player) player.close();
});
at("player-close").addEventListener("click", () => player.close());
at("previous").addEventListener("click", () => open(shown - 1));
at("next").addEventListener("click", () => open(shown + 1));
at("again").addEventListener("click", again);
at("play-on").addEventListener("click", goOn);
video.addEventListener("timeupdate", pauseAtEnd);
video.addEventListener("seeking", noticeSeek);
video.addEventListener("error", explainFailure);

try {
  if (await showLibrary()) await recall();
  else sayEmpty();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  sayFailure(error);
}
