import assert from "node:assert/strict";
import test from "node:test";
import { foundBy, pieces, said, texts } from "../../api/static/said.js";

const field = (text, highlights) => ({ field: "subtitle", relevance: 1, start: 0, end: 1, text, highlights });
const shown = (found) => found.map(({ text, marked }) => (marked ? `[${text}]` : text)).join("");

test("words that were asked for are marked", () => {
  assert.equal(shown(pieces(field("two guitars on Friday", [[0, 3], [4, 11]]))), "[two] [guitars] on Friday");
  assert.equal(shown(pieces(field("nothing", []))), "nothing");
});

test("ranges count code points", () => {
  assert.equal(shown(pieces(field("😀😀 guitar", [[3, 9]]))), "😀😀 [guitar]");
});

test("markup of a file stays text", () => {
  assert.deepEqual(pieces(field("<b>x</b>", [[3, 4]])).map(({ text }) => text), ["<b>", "x", "</b>"]);
});

test("a long text is cut around the first word that was asked for", () => {
  const long = `${"a ".repeat(200)}guitar ${"b ".repeat(200)}`;
  const found = shown(pieces(field(long, [[400, 406]])));
  assert.match(found, /^…a .*\[guitar\] b .*…$/u);
  const [, before, ...rest] = pieces(field(long, [[400, 406]])).slice(0, -1).map(({ text }) => text);
  assert.equal(before.length, 30);
  assert.equal([before, ...rest].join("").length, 120);
  assert.match(shown(pieces(field(`${"a".repeat(300)}`, [[0, 1]]))), /^\[a\]a+…$/u);
});

test("the best text of a moment is said, and pictures say nothing", () => {
  const picture = { ...field("", []), field: "picture" };
  const spoken = field("hello", []);
  assert.equal(said({ fields: [picture, spoken, field("later", [])] }), spoken);
  assert.equal(said({ fields: [picture] }), undefined);
  assert.equal(said({}), undefined);
  assert.deepEqual(texts({ fields: [picture, spoken] }), [spoken]);
});

test("words have found a moment unless its picture fits as well", () => {
  const picture = { ...field("", []), field: "picture" };
  const spoken = { ...field("hello", []), relevance: 0.6 };
  assert.equal(foundBy({ fields: [spoken] }), spoken);
  assert.equal(foundBy({ fields: [{ ...picture, relevance: 0.5 }, spoken] }), spoken);
  assert.equal(foundBy({ fields: [{ ...picture, relevance: 0.6 }, spoken] }), undefined);
  assert.equal(foundBy({}), undefined);
});
