import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOf, tagsIn } from "../../api/static/changing.js";
import { piecesOf } from "../../api/static/components/name.js";
import { quoted } from "../../api/static/components/notice.js";
import { openedOf } from "../../api/static/components/player.js";
import { shareOf } from "../../api/static/components/uploads.js";
import { windowOf } from "../../api/static/components/virtuallist.js";
import { previewOf } from "../../api/static/components/playing.js";
import { fatesOf, joined, rateOf } from "../../api/static/history.js";
import { spanUrl } from "../../api/static/saving.js";
import { isOver, readsVideos, stepsOf } from "../../api/static/switching.js";
import { added } from "../../api/static/recent.js";

test("a list of few is drawn whole", () => {
  const seen = { count: 60, columns: 4, row: 300, top: 9000, height: 900 };
  assert.deepEqual(windowOf(seen), { first: 0, last: 60, above: 0, below: 0 });
});

test("of a thousand, the rows near the window are drawn, and the others keep their room", () => {
  const { first, last, above, below } = windowOf({ count: 1001, columns: 4, row: 300, top: 30_000, height: 900 });
  assert.ok(first <= 400 && last >= 412 && last - first <= 40);
  assert.equal(first, above * 4);
  assert.equal(above + below + Math.ceil((last - first) / 4), Math.ceil(1001 / 4));
});

test("beyond the end, the last row is drawn", () => {
  const { first, last } = windowOf({ count: 100, columns: 3, row: 100, top: 99_999, height: 500 });
  assert.deepEqual([first, last], [99, 100]);
});

test("before a row was measured, everything is drawn", () => {
  assert.equal(windowOf({ count: 500, columns: 4, row: 0, top: 0, height: 0 }).last, 500);
});

test("a query that is asked again moves to the front, and six are kept", () => {
  const six = ["a", "b", "c", "d", "e", "f"];
  assert.deepEqual(added(six, "c"), ["c", "a", "b", "d", "e", "f"]);
  assert.deepEqual(added(six, "g"), ["g", "a", "b", "c", "d", "e"]);
});

test("a moment that no answer has is described by its video", () => {
  const video = /** @type {any} */ ({ id: "x", title: "X", duration: 9, file_url: "/file" });
  const segments = /** @type {any} */ ([
    { start: 0, end: 4, thumbnail_url: "/1" }, { start: 4, end: 9, thumbnail_url: "/2" },
  ]);
  const opened = openedOf({ video: "x", start: 5, end: 5 }, undefined, video, segments);
  assert.deepEqual([opened?.start, opened?.end, opened?.still], [5, 9, "/2"]);
  assert.equal(openedOf({ video: "x", start: 5, end: 5 }, undefined, null, []), null);
});

test("the share of an item is of what happens to it now", () => {
  const item = /** @type {any} */ ({ phase: "sending", sent: 25, share: 0, file: { size: 100 } });
  const shares = [item, { ...item, phase: "queued" }, { ...item, phase: "running", share: 0.7 }, { ...item, phase: "done" }];
  assert.deepEqual(shares.map(shareOf), [0.25, 0, 0.7, 1]);
});

test("tags are written between commas", () => {
  assert.deepEqual(tagsIn(" sea, holiday ,,sea,"), ["sea", "holiday"]);
  assert.deepEqual(tagsIn(" "), []);
});

test("a removed video is hidden in its collection alone, and until it is added again", () => {
  const video = { id: "a", collection: "b", indexed: "2026-11-28T00:00:00Z" };
  const others = [{ ...video, collection: "c" }, { ...video, indexed: "2026-11-29T00:00:00Z" }];
  assert.equal(keyOf({ ...video }), keyOf(video));
  assert.equal(new Set([video, ...others].map(keyOf)).size, 3);
});

test("a long name may go on in the next line after a separator, and never inside a word", () => {
  assert.deepEqual(piecesOf("day_3-take 12.final/x"), ["day_", "3-", "take 12.", "final/", "x"]);
  assert.deepEqual([piecesOf("a--b"), piecesOf("plain"), piecesOf("")], [["a--", "b"], ["plain"], [""]]);
});

test("a name in a command is one word of a shell", () => {
  assert.equal(quoted("holiday-2.x"), "holiday-2.x");
  assert.equal(quoted("a; rm -rf 'b'"), "'a; rm -rf '\\''b'\\'''");
});

test("a preview is a minute long, or as long as the moment, and never beyond the video", () => {
  assert.deepEqual(previewOf(10, 14, 500), { start: 10, end: 70 });
  assert.deepEqual(previewOf(10, 200, 500), { start: 10, end: 200 });
  assert.deepEqual(previewOf(10, 400, 500), { start: 10, end: 310 });
  assert.deepEqual(previewOf(10, 14, 30), { start: 10, end: 30 });
});

test("the address of a span is made of the address of the file", () => {
  assert.equal(
    spanUrl("/x/v1/videos/abc/file?collection=a%20b", "clip", 1.23456, 2),
    "/x/v1/videos/abc/clip?collection=a%20b&start=1.235&end=2",
  );
});

test("each state of a switch has its steps, the one that leads on first", () => {
  assert.deepEqual(stepsOf("none", ""), []);
  assert.deepEqual(stepsOf("none", "other"), ["prepare"]);
  assert.deepEqual(stepsOf("embedding", "other"), ["prepare", "finish"]);
  assert.deepEqual(stepsOf("ready", "other"), ["cut", "prepare", "finish"]);
  assert.deepEqual(stepsOf("switched", "other"), ["rollback", "finish"]);
});

test("a step that embeds videos can leave some out", () => {
  const steps = /** @type {const} */ (["", "prepare", "cut", "rollback", "finish"]);
  assert.deepEqual(steps.filter(readsVideos), ["prepare", "cut", "rollback"]);
});

test("a job that waits or runs is followed", () => {
  /** @type {import("../../api/static/types.js").Job["state"][]} */
  const states = ["waiting", "running", "done", "failed", "cancelled"];
  assert.deepEqual(states.filter((state) => isOver({ state })), ["done", "failed", "cancelled"]);
});

/** @param {Partial<import("../../api/static/types.js").Work>} given */
const work = (given) => /** @type {any} */ ({
  id: 1, seconds: 4, video_seconds: 60, frames: 62, indexed: 0, incomplete: 0, unchanged: 0, failed: 0, ...given,
});
const idsOf = (/** @type {any[]} */ works) => works.map(({ id }) => id);

test("what has ended since comes before what is known of the history", () => {
  const known = [3, 2, 1].map((id) => work({ id }));
  assert.deepEqual(idsOf(joined(known, [4, 3].map((id) => work({ id })))), [4, 3, 2, 1]);
  assert.deepEqual(idsOf(joined(known, [9, 8].map((id) => work({ id })))), [9, 8]);
  assert.deepEqual(idsOf(joined([], [1].map((id) => work({ id })))), [1]);
  assert.deepEqual(idsOf(joined(known, [])), []);
});

test("a rate is of the seconds that it took, and nothing has none", () => {
  assert.deepEqual(rateOf(work({})), { frames: 15.5, video: 15 });
  assert.equal(rateOf(work({ frames: 0 })), null);
  assert.equal(rateOf(work({ seconds: 0 })), null);
});

test("an incomplete video is indexed, and fates without a video are left out", () => {
  assert.deepEqual(fatesOf(work({ indexed: 2, incomplete: 1, failed: 4 })), [
    { key: "workIndexed", count: 3 }, { key: "workFailed", count: 4 },
  ]);
  assert.deepEqual(fatesOf(work({})), []);
});
