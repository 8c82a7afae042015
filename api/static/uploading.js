// Videos on their way to the library: sent in parts that survive a lost connection, then indexed.

import { ask, Failure, said } from "./api.js";
import { t } from "./language.js";
import { look } from "./library.js";
import { signal } from "./vendor/signals.js";

const RETRY_MS = [0, 1000, 3000, 5000, 10_000, 20_000];
const LOOK_MS = 1000;
const LONG_MS = 15_000; // an idle worker takes a job within a second or two

/**
 * @typedef {"waiting" | "sending" | "paused" | "queued" | "running" | "done" | "failed" | "cancelled"} Phase
 * @typedef {object} Item
 * @property {number} key
 * @property {File} file
 * @property {string} collection
 * @property {Phase} phase
 * @property {number} sent bytes
 * @property {number} share of the indexing, 0 to 1
 * @property {string} reason why it failed
 * @property {string} job its id once it is sent
 * @property {number} since when that was, in milliseconds
 * @property {string} video its id once it is indexed
 */

/** @type {import("./vendor/signals.js").Signal<Item[]>} */
export const items = signal([]);

/** The uploads under way, by key; what is drawn has no handle. */
const sending = new Map();
let last = 0;

/**
 * @param {number} key
 * @param {Partial<Item>} changes
 */
function change(key, changes) {
  items.value = items.peek().map((item) => (item.key === key ? { ...item, ...changes } : item));
}

/**
 * @param {Iterable<File>} files
 * @param {string} collection
 */
export function add(files, collection) {
  const added = [...files].map((file) => ({
    key: (last += 1), file, collection, phase: /** @type {Phase} */ ("waiting"), sent: 0, share: 0,
    reason: "", job: "", since: 0, video: "",
  }));
  items.value = [...items.peek(), ...added];
  sendNext();
}

/** One at a time: two would only share the same line. */
function sendNext() {
  const all = items.peek();
  if (all.some(({ phase }) => phase === "sending")) return;
  const next = all.find(({ phase }) => phase === "waiting");
  if (next) send(next);
}

/** @param {Item} item */
async function send({ key, file, collection }) {
  change(key, { phase: "sending", reason: "" });
  let upload = sending.get(key);
  if (!upload) {
    let Upload;
    try {
      ({ Upload } = await client());
    } catch (error) {
      fail(key, said(error));
      return;
    }
    upload = new Upload(file, {
      endpoint: "v1/uploads",
      retryDelays: RETRY_MS,
      removeFingerprintOnSuccess: true,
      metadata: { filename: file.name, collection },
      onProgress: (/** @type {number} */ sent) => change(key, { sent }),
      onError: (/** @type {any} */ error) => fail(key, tusReason(error)),
      onSuccess: () => ingest(key, upload.url),
    });
    sending.set(key, upload);
    // What an earlier visit sent of the same file is not sent again.
    const [before] = await upload.findPreviousUploads();
    if (before) upload.resumeFromPreviousUpload(before);
    // Meanwhile somebody may have paused it, or taken it from the list.
    if (items.peek().find((item) => item.key === key)?.phase !== "sending") return;
  }
  upload.start();
}

/**
 * @param {number} key
 * @param {string} reason
 */
function fail(key, reason) {
  change(key, { phase: "failed", reason });
  sendNext();
}

/** @param {any} error of tus-js-client */
function tusReason(error) {
  try {
    return JSON.parse(error.originalResponse.getBody()).detail;
  } catch {
    return t("serverAway");
  }
}

/**
 * @param {number} key
 * @param {string} url of the upload
 */
async function ingest(key, url) {
  const item = items.peek().find((each) => each.key === key);
  sending.delete(key);
  if (!item) return;
  const upload = new URL(url, location.href).pathname.split("/").at(-1) ?? "";
  try {
    const job = await ask("v1/videos", {
      json: { upload, collection: item.collection }, headers: { "Idempotency-Key": upload },
    });
    change(key, { phase: "queued", sent: item.file.size, job: job.id, since: Date.now() });
    watch();
  } catch (error) {
    change(key, { phase: "failed", reason: said(error) });
  }
  sendNext();
}

let watching = false;

/** Ask for all jobs together: a stream for each would use up the browser's connections. */
async function watch() {
  if (watching) return;
  watching = true;
  try {
    for (;;) {
      const open = items.peek().filter(({ phase }) => phase === "queued" || phase === "running");
      if (!open.length) break;
      await Promise.all(open.map(follow));
      await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
    }
  } finally {
    watching = false;
  }
}

/** @param {Item} item */
async function follow({ key, job, since }) {
  try {
    const now = await ask(`v1/jobs/${job}`);
    const phase = now.state === "waiting" ? "queued" : now.state;
    const isBusy = items.peek().some((item) => item.phase === "running");
    const isLong = phase === "queued" && !isBusy && Date.now() - since > LONG_MS;
    const reason = now.reason || (isLong ? t("noWorker") : "");
    change(key, {
      phase, share: now.progress.share, reason, video: now.videos[0] ?? "",
    });
    if (phase === "done") look();
  } catch (error) {
    // While the server is away the job goes on; what is wrong for good is said.
    if (!(error instanceof Failure && error.away)) fail(key, said(error));
  }
}

/** @param {number} key */
export async function pause(key) {
  await sending.get(key)?.abort();
  change(key, { phase: "paused" });
  sendNext();
}

/** @param {number} key */
export function resume(key) {
  change(key, { phase: "waiting" });
  sendNext();
}

/**
 * Take an item from the list, and what was sent of it from the server.
 * @param {number} key
 */
export async function drop(key) {
  const upload = sending.get(key);
  const item = items.peek().find((each) => each.key === key);
  sending.delete(key);
  items.value = items.peek().filter((each) => each.key !== key);
  await upload?.abort(true).catch(() => {}); // the server deletes what nobody continues
  const running = item && (item.phase === "queued" || item.phase === "running");
  if (running) await ask(`v1/jobs/${item.job}`, { method: "DELETE" }).catch(() => {});
  sendNext();
}

/** @type {Promise<any> | null} */
let loading = null;

/** The client of tus, which nobody loads who uploads nothing. */
function client() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "static/vendor/tus.js";
    script.onload = () => resolve(/** @type {any} */ (window).tus);
    script.onerror = () => { loading = null; reject(new Failure({ title: t("serverAway") })); };
    document.head.append(script);
  });
  return loading;
}
