import assert from "node:assert/strict";
import { test } from "node:test";
import { MIN_SIDE, next } from "../../api/static/review/next.js";

const rate = (/** @type {number} */ missing) => ({ share: 0.9, low: 0.8, high: 1, samples: 10, missing });
const rule = (/** @type {object} */ tags, precision = 40, recall = 0) =>
  ({ name: "red", tags, precision: rate(precision), recall: rate(recall) });
const keys = (/** @type {any} */ of) => next(of).map(({ key }) => key);

test("a rule without tags and decisions has nothing to be decided on", () => {
  assert.deepEqual(next(rule({})), []);
});

test("before the first decision, the worst case is told", () => {
  assert.deepEqual(next(rule({ proposed: 5 }, 381, 381)), [{ key: "qualityFirst", values: { count: 381 } }]);
});

test("it is told how many decisions are missing, and what fitting needs", () => {
  assert.deepEqual(next(rule({ accepted: 5, corrected: 1, rejected: MIN_SIDE }, 40, 12)), [
    { key: "qualityMore", values: { count: 40 } },
    { key: "qualityRight", values: { count: 12 } },
    { key: "qualityFit", values: { yes: MIN_SIDE - 6, no: 0 } },
  ]);
});

test("what is known is said, and that the threshold can be fitted", () => {
  assert.deepEqual(keys(rule({ accepted: 90, rejected: MIN_SIDE }, 0)), ["qualityKnown", "qualityFittable"]);
});
