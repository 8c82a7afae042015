import assert from "node:assert/strict";
import { test } from "node:test";
import {
  changed, composedOf, factorsOf, firstParts, hasPicture, hasWords, IMPORTANCE, importanceOf, isPlain, isSeen, isWanted, joined,
  MOST, partsOf, room, withPart, writeComposed,
} from "../../api/static/composed.js";
import { added, kept, recalled } from "../../api/static/recent.js";

/** @typedef {import("../../api/static/composed.js").Part} Part */

const like = { video: "v/1 &", time: 1.5 };
const picture = /** @type {any} */ ({ image: "AAAA" });
/** @type {Part[]} */
const PARTS = [
  { text: "b", weight: -1 }, { text: "c & d", weight: 2 }, { like, weight: 0.5 }, { like: { video: "w", time: 0 }, weight: -3 },
];
const ALL = { query: "a", parts: PARTS, then: [{ query: "e", parts: [], within: 10 }, { query: "f", parts: [], within: 2.5 }] };
const of = (/** @type {string} */ text) => composedOf(new URLSearchParams(text));

test("one part is asked for by itself", () => {
  assert.deepEqual(partsOf({ query: "a", parts: [], then: [] }), { query: "a" });
  assert.deepEqual(partsOf({ query: "", parts: [{ text: "b", weight: 2 }], then: [] }), { query: "b" });
  assert.deepEqual(partsOf({ query: "", parts: [{ like, weight: 1 }], then: [] }), { like: { video_id: "v/1 &", time: 1.5 } });
  assert.deepEqual(partsOf({ query: "", parts: [{ picture, weight: 1 }], then: [] }), { image: "AAAA" });
});

test("the curve is of the first step, whose parts are always a list", () => {
  assert.deepEqual(firstParts(ALL), partsOf({ ...ALL, then: [] }).parts);
  assert.deepEqual(firstParts({ query: "a", parts: [] }), [{ text: "a" }]);
  assert.deepEqual(firstParts({ query: "", parts: [{ picture, weight: 2 }] }), [{ image: "AAAA", weight: 2 }]);
});

test("several parts have weights, below zero if they are not wanted", () => {
  assert.deepEqual(partsOf({ query: "a", parts: [...PARTS.slice(0, 3), { picture, weight: 1 }], then: [] }), {
    parts: [
      { text: "a" }, { text: "b", weight: -1 }, { text: "c & d", weight: 2 },
      { like: { video_id: "v/1 &", time: 1.5 }, weight: 0.5 }, { image: "AAAA" },
    ],
  });
});

test("each step is inside the one before", () => {
  assert.deepEqual(partsOf({ ...ALL, parts: [] }), {
    query: "a", then: { query: "e", within: 10, then: { query: "f", within: 2.5 } },
  });
  assert.deepEqual(Object.keys(partsOf(ALL)), ["parts", "then"]);
});

test("an address has every part and step but pictures, each with what is said of it", () => {
  const given = new URLSearchParams();
  writeComposed(given, { ...ALL, parts: [...PARTS, { picture, weight: 1 }] });
  assert.deepEqual(composedOf(given), { parts: PARTS, then: ALL.then });
  assert.deepEqual(of("weight=9&and=a&weight=0&not=b&weight=x&like=v&at=-1"), { parts: [{ text: "a", weight: 1 }, { text: "b", weight: -1 }], then: [] });
  assert.deepEqual(of("and=&weight=5&unlike=&at=3&like=v&at=x"), { parts: [], then: [] });
});

test("what is not wanted alone asks for nothing", () => {
  assert.ok(!isWanted({ query: "", parts: [{ text: "b", weight: -1 }] }));
  assert.ok(isWanted({ query: "a", parts: [] }) && isWanted({ query: "", parts: [{ like, weight: 0.5 }] }));
});

test("as many parts can be added as the server takes", () => {
  assert.equal(room({ query: "a", parts: PARTS }), MOST - 5);
  assert.equal(room({ query: "", parts: PARTS }), MOST - 4);
});

test("a moment joins a search once, and a picture each time", () => {
  const then = ALL.then;
  assert.equal(joined(ALL, { like: { ...like, time: 2 }, weight: 1 }).parts.length, 5);
  assert.deepEqual(joined(ALL, { like: { ...like }, weight: 1 }), { parts: PARTS, then });
  assert.equal(joined({ query: "", parts: [{ picture, weight: 1 }], then }, { picture, weight: 1 }).parts.length, 2);
});

test("the importance of a part has a word, wanted or not, unless an address gave another weight", () => {
  assert.deepEqual(PARTS.map(importanceOf), ["same", "more", "less", ""]);
  assert.ok(IMPORTANCE.less < IMPORTANCE.same && IMPORTANCE.same < IMPORTANCE.more);
});

test("the factors of the parts are as the server composes them, and their product is the relevance", () => {
  const [red, blue, not] = factorsOf([{ weight: 2, fit: 0.9 }, { weight: 1, fit: 0.5 }, { weight: -1, fit: 0.2 }]);
  assert.deepEqual([red, blue, not].map((each) => each.toFixed(3)), ["0.932", "0.794", "0.928"]);
  assert.deepEqual(factorsOf([{ weight: 0.5, fit: 0.7 }]), [0.7]);
});

test("a step has parts of its own, wanted or not, or a picture alone", () => {
  /** @type {import("../../api/static/composed.js").Step} */
  const step = { query: "b", parts: [{ text: "c", weight: -1 }, { picture, weight: 2 }], within: 5 };
  assert.deepEqual(partsOf({ query: "a", parts: [], then: [step] }), {
    query: "a", then: { parts: [{ text: "b" }, { text: "c", weight: -1 }, { image: "AAAA", weight: 2 }], within: 5 },
  });
  const alone = { query: "", parts: [{ picture, weight: 1 }], within: 3 };
  assert.deepEqual(partsOf({ query: "a", parts: [], then: [alone] }).then, { image: "AAAA", within: 3 });
  assert.ok(isSeen({ parts: [], then: [step] }) && hasPicture({ parts: [], then: [alone] }));
  assert.deepEqual(withPart([step], 0, { picture, weight: 1 })[0].parts.length, 3);
});

test("a step of which nothing is wanted is not asked for", () => {
  const step = { query: "", parts: [{ text: "c", weight: -1 }], within: 5 };
  assert.deepEqual(partsOf({ query: "a", parts: [], then: [step] }), { query: "a" });
  assert.deepEqual(of("then=&within=5&not=c"), { parts: [], then: [] });
});

test("an address says which parts are of which step", () => {
  assert.deepEqual(of("and=a&then=b&not=c&weight=3&within=2&then=&like=v&at=1"), {
    parts: [{ text: "a", weight: 1 }],
    then: [
      { query: "b", parts: [{ text: "c", weight: -3 }], within: 2 },
      { query: "", parts: [{ like: { video: "v", time: 1 }, weight: 1 }], within: 10 },
    ],
  });
});

test("a sentence alone is plain, wherever it is", () => {
  assert.ok(isPlain({ query: "a", parts: [], then: [] }) && isPlain({ query: "", parts: [{ text: "a", weight: 1 }], then: [] }));
  assert.ok(!isPlain(ALL) && !isPlain({ query: "", parts: [{ like, weight: 1 }], then: [] }));
  assert.ok(hasWords(ALL) && !hasWords({ query: "", parts: [{ like, weight: 1 }], then: [] }));
});

test("a step without a time has the usual one", () => {
  assert.deepEqual(of("not=+&not=b&then=&within=3&then=c&within=5"), { parts: [{ text: "b", weight: -1 }], then: [{ query: "c", parts: [], within: 5 }] });
  assert.deepEqual(of("then=c&within=soon&then=d").then, [{ query: "c", parts: [], within: 10 }, { query: "d", parts: [], within: 10 }]);
  assert.deepEqual(of("then=c&within=0&then=d&within=9999").then.map(({ within }) => within), [0, 9999]);
});

test("words are changed where they are, added after the last, and taken away", () => {
  assert.deepEqual(changed(["a", "b"], 0, "c"), ["c", "b"]);
  assert.deepEqual(changed(["a", "b"], 2, "c"), ["a", "b", "c"]);
  assert.deepEqual(changed(["a", "b"], 0, null), ["b"]);
  assert.deepEqual(changed(["a"], 1, null), ["a"]);
});

test("a recent search has all that was asked, and differs from its first words alone", () => {
  const alone = { query: "a", parts: [], then: [] };
  assert.deepEqual([recalled(kept(ALL)), recalled(kept(alone))], [ALL, alone]);
  assert.equal(kept(alone), "a");
  assert.equal(added([kept(alone)], kept(ALL)).length, 2);
});
