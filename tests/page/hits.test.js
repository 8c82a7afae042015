import assert from "node:assert/strict";
import { test } from "node:test";
import { divided, folded, goesOn, joined, placeOf, unfoldedOf } from "../../api/static/hits.js";

const hit = (/** @type {string} */ id, /** @type {number} */ start, /** @type {number} */ relevance) => ({
  video: { id, title: `title of ${id}`, duration: 10, indexed_at: id === "a" ? "2026-11-02T10:00:00Z" : "2026-11-01T10:00:00Z" }, segment_id: start, start, end: start + 1, relevance,
  score: relevance / 2, best_time: start,
  thumbnail_url: "", play_url: "",
});
const HITS = [hit("b", 4, 0.9), hit("a", 2, 0.4), hit("a", 1, 0.8), hit("b", 0, 0.5)];
const names = (/** @type {any[]} */ hits) => hits.map((each) => `${each.video.id}${each.start}`);

test("what matches comes first, in the order of the answer", () => {
  const { good, weak } = divided(HITS, null);
  assert.deepEqual([names(good), names(weak)], [["b4", "a1", "b0"], ["a2"]]);
});

test("without a sentence, the score decides what matches", () => {
  const seen = HITS.map((each) => ({ ...each, relevance: null }));
  const { good, weak } = divided(seen, 0.4);
  assert.deepEqual([names(good), names(weak)], [["b4", "a1"], ["a2", "b0"]]);
  assert.equal(goesOn({ ...answer(seen, "x"), alike_from: 0.45 }), true);
  assert.equal(goesOn({ ...answer(seen, "x"), alike_from: 0.46 }), false);
});

test("one moment of each video says how many more there are, as the server counts them", () => {
  const each = [{ ...HITS[0], more_in_video: 7 }, { ...HITS[2], more_in_video: 0 }];
  const shown = folded(each, true, new Set());
  assert.deepEqual(shown.map(({ hit, more }) => [hit.video.id, more]), [["b", 7], ["a", 0]]);
});

test("near-identical moments are one, until they are unfolded", () => {
  const [best, other, copy, again] = [hit("a", 1, 0.9), hit("b", 2, 0.8), hit("c", 3, 0.7), hit("d", 4, 0.6)];
  const hits = [best, other, { ...copy, similar_to: 1 }, { ...again, similar_to: 1 }];
  const shown = folded(hits, false, new Set());
  assert.deepEqual(shown.map(({ hit, more, kind }) => [hit.video.id, more, kind]), [["a", 2, "similar"], ["b", 0, "similar"]]);
  assert.deepEqual(names(folded(hits, false, new Set([shown[0].group])).map((each) => each.hit)), ["a1", "c3", "d4", "b2"]);
  assert.deepEqual(names(folded(hits.slice(2), false, new Set()).map((each) => each.hit)), ["c3"]);
});

test("a video that is unfolded shows all its moments together, each once", () => {
  const each = [{ ...HITS[0], more_in_video: 1 }, { ...HITS[2], more_in_video: 0 }];
  const all = unfoldedOf(each, new Map([["b", [HITS[0], { ...HITS[3], segment_id: 100 }]]]));
  const shown = folded(all, true, new Set(["b"]));
  assert.deepEqual(names(shown.map((each) => each.hit)), ["b4", "b0", "a1"]);
  assert.deepEqual(shown.map(({ first, more }) => [first, more]), [[true, 1], [false, 0], [true, 0]]);
  assert.deepEqual(unfoldedOf(each, new Map()), each);
});

const answer = (/** @type {any[]} */ hits, /** @type {string | null} */ cursor, total = 9) => ({
  hits, next_cursor: cursor, total, total_videos: 2, more: true, like: null, alike_from: null, truncated_at: 3, stale: false, age_s: null, took_ms: 1,
  collection: "default",
});

test("the moments of the next page come after those that are there", () => {
  const both = joined(answer(HITS.slice(0, 3), "x"), { ...answer(HITS.slice(3), null, 12), truncated_at: null });
  assert.deepEqual(both, { ...answer(HITS, null, 12), truncated_at: 3 });
});

test("more moments are asked for while the last of those that came match", () => {
  const weak = Array.from({ length: 100 }, (_, place) => hit("c", place, 0.1));
  assert.equal(goesOn(answer(HITS, "x")), true);
  assert.equal(goesOn(answer(HITS, null)), false);
  assert.equal(goesOn(answer([...HITS, ...weak], "x")), false);
});

test("an open moment is found by its video and start", () => {
  assert.equal(placeOf(HITS, { video: "a", start: 1.001, end: 9 }), 2);
  assert.equal(placeOf(HITS, { video: "a", start: 1.5, end: 9 }), -1);
});
