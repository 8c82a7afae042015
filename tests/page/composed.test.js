import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, composedOf, partsOf } from "../../api/static/composed.js";
import { added, kept, recalled } from "../../api/static/recent.js";

const ALL = { query: "a", without: ["b", "c & d"], then: [{ query: "e", within: 10 }, { query: "f", within: 2.5 }] };

test("a sentence alone is a query", () => {
  assert.deepEqual(partsOf({ query: "a", without: [], then: [] }), { query: "a" });
});

test("what must not be seen is a part of negative weight beside the sentence", () => {
  assert.deepEqual(partsOf({ query: "a", without: ["b"], then: [] }), { parts: [{ text: "a" }, { text: "b", weight: -1 }] });
});

test("each step is inside the one before", () => {
  assert.deepEqual(partsOf({ ...ALL, without: [] }), {
    query: "a", then: { query: "e", within: 10, then: { query: "f", within: 2.5 } },
  });
  assert.deepEqual(Object.keys(partsOf(ALL)), ["parts", "then"]);
});

test("an address without words has no parts, and a step without a time has the usual one", () => {
  const of = (/** @type {string} */ text) => composedOf(new URLSearchParams(text));
  assert.deepEqual(of("not=+&not=b&then=&within=3&then=c&within=5"), { without: ["b"], then: [{ query: "c", within: 5 }] });
  assert.deepEqual(of("then=c&within=soon&then=d").then, [{ query: "c", within: 10 }, { query: "d", within: 10 }]);
  assert.deepEqual(of("then=c&within=0&then=d&within=9999").then.map(({ within }) => within), [0, 9999]);
});

test("words are changed where they are, added after the last, and taken away", () => {
  assert.deepEqual(changed(["a", "b"], 0, "c"), ["c", "b"]);
  assert.deepEqual(changed(["a", "b"], 2, "c"), ["a", "b", "c"]);
  assert.deepEqual(changed(["a", "b"], 0, null), ["b"]);
  assert.deepEqual(changed(["a"], 1, null), ["a"]);
});

test("a recent search has all that was asked, and differs from its first words alone", () => {
  const alone = { query: "a", without: [], then: [] };
  assert.deepEqual([recalled(kept(ALL)), recalled(kept(alone))], [ALL, alone]);
  assert.equal(kept(alone), "a");
  assert.equal(added([kept(alone)], kept(ALL)).length, 2);
});
