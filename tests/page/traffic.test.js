import assert from "node:assert/strict";
import { test } from "node:test";
import { followed, line, summary, topOf } from "../../api/static/traffic.js";

const START = Date.parse("2026-11-28T12:00:00Z");

/**
 * @param {number[]} requests of each step
 * @param {{replica?: string, after?: number, p50?: (number | null)[]}} given
 */
const traffic = (requests, { replica = "a", after = 0, p50 = [] } = {}) => ({
  replica,
  step_seconds: 5,
  steps: requests.map((count, place) => ({
    at: new Date(START + 1000 * (after + 5 * place)).toISOString(),
    requests: count,
    failures: count > 9 ? 1 : 0,
    searches: (p50[place] ?? null) === null ? 0 : 1,
    p50_seconds: p50[place] ?? null,
    p95_seconds: p50[place] ? 2 * p50[place] : null,
  })),
});

test("one of several servers is followed until it is silent", () => {
  const known = traffic([1, 2]);
  assert.equal(followed(null, known), known);
  const later = traffic([3], { after: 10 });
  assert.equal(followed(known, later), later);
  assert.equal(followed(known, traffic([9], { replica: "b", after: 60 })), known);
  const other = traffic([9], { replica: "b", after: 70 });
  assert.equal(followed(known, other), other);
  assert.equal(followed(traffic([]), other), other);
});

test("the top of an axis is a round number that nothing exceeds", () => {
  assert.deepEqual([0, 1, 1.1, 3, 7, 10, 11, 480].map((most) => topOf([most, null], 1)), [1, 1, 2, 5, 10, 10, 20, 500]);
  assert.ok(Math.abs(topOf([0.011], 0.001) - 0.02) < 1e-9);
  assert.equal(topOf([], 1), 1);
});

test("the newest value is at the right, and a gap stays a gap", () => {
  assert.equal(line([0, 5, 10], 10, 3, 300, 100), "M50 100h0L150 50L250 0");
  assert.equal(line([10], 10, 3, 300, 100), "M250 0h0");
  assert.equal(line([1, null, 1, 1], 1, 4, 400, 100), "M50 0h0M250 0h0L350 0");
  assert.equal(line([null], 1, 4, 400, 100), "");
});

test("a sentence has the rate of now, the highest one and the last latencies", () => {
  const told = summary(traffic([5, 50, 10], { p50: [0.1, 0.2, null] }));
  assert.deepEqual(told, { now: 2, most: 10, failures: 2, p50: 0.2, p95: 0.4 });
  assert.deepEqual(summary(traffic([])), { now: 0, most: 0, failures: 0, p50: null, p95: null });
});
