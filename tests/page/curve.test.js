import assert from "node:assert/strict";
import { test } from "node:test";
import { area, peaks, shotMarks, valueAt } from "../../api/static/curve.js";

test("each value fills the columns until the next time", () => {
  assert.deepEqual(peaks({ times: [0, 2, 3], relevance: [0.1, 0.9, 0.3] }, 4, 4), [0.1, 0.1, 0.9, 0.3]);
});

test("a peak of one second is seen in two hours", () => {
  const times = Array.from({ length: 7200 }, (_, second) => second);
  const found = peaks({ times, relevance: times.map((second) => (second === 5000 ? 0.8 : 0.01)) }, 7200, 600);
  assert.deepEqual(found.flatMap((value, column) => (value > 0.5 ? [column] : [])), [Math.floor(5000 / 12)]);
});

test("a time beyond the end stays in the last column", () => {
  assert.deepEqual(peaks({ times: [0, 9], relevance: [0.2, 0.7] }, 4, 2), [0.2, 0.7]);
});

test("the outline goes up to each value and back to the ground", () => {
  assert.equal(area([0, 0.5, 0.5, 1], 100, 40), "M0 40H0V40H25V20H75V0H100V40Z");
});

test("the relevance at a time is that of the last frame before it", () => {
  const curve = { times: [1, 2], relevance: [0.2, 0.6] };
  assert.deepEqual([0.5, 1, 1.9, 50].map((time) => valueAt(curve, time)), [null, 0.2, 0.2, 0.6]);
});

test("shots are marked where they begin, but not the start of the video", () => {
  const segments = [[0, true], [2, false], [5, true], [5.02, true], [7.5, true]].map(([start, begins]) => (
    { start: Number(start), begins_shot: Boolean(begins) }
  ));
  assert.equal(shotMarks(segments, 10, 1000, 40), "M500 0V40M750 0V40");
  assert.equal(shotMarks([], 0, 1000, 40), "");
});
