import assert from "node:assert/strict";
import { test } from "node:test";
import {
  between, bytes, isLong, level, moment, percent, roughly, shorten,
} from "../../api/static/format.js";

test("a time shows hours only when there are some", () => {
  assert.equal(moment(0), "00:00.0");
  assert.equal(moment(59.999_999_9), "01:00.0");
  assert.equal(moment(3602), "1:00:02.0");
});

test("a moment is rounded to tenths, never to sixty seconds", () => {
  assert.equal(moment(4.371), "00:04.4");
  assert.equal(moment(1.97), "00:02.0");
  assert.equal(moment(0.25), "00:00.3");
  assert.equal(moment(59.97), "01:00.0");
  assert.equal(moment(-1), "00:00.0");
});

test("a span is never empty", () => {
  assert.equal(between(2, 2), "00:02.0–00:02.1");
});

test("a relevance promises at most 99 percent, in the reader's way to write it", () => {
  assert.equal(percent(0.999, "en"), "99%");
  assert.equal(percent(0.29, "en"), "29%");
  assert.equal(percent(0.5, "de"), "50\u00a0%");
  assert.equal(percent(-0.1, "en"), "0%");
});

test("words for relevance change at 0.5, 0.7 and 0.9", () => {
  assert.deepEqual([0.49, 0.5, 0.69, 0.7, 0.89, 0.9].map(level), ["weak", "maybe", "maybe", "likely", "likely", "sure"]);
});

test("a long name keeps its beginning and its end", () => {
  const name = `Interview with the director ${"x".repeat(120)} take 12 v3`;
  const short = shorten(name, 58);
  assert.ok([...short].length <= 58);
  assert.ok(short.startsWith("Interview with the director") && short.endsWith("take 12 v3"));
  assert.equal(shorten("short", 58), "short");
});

test("letters beyond 16 bits are never cut in half", () => {
  const short = shorten("🎬".repeat(80), 20);
  assert.equal(short.replaceAll("🎬", "").replace("…", ""), "");
});

test("a name of more than a line is known", () => {
  assert.deepEqual(["x".repeat(24), "x".repeat(25)].map(isLong), [false, true]);
});

test("sizes and lengths are written in the reader's way", () => {
  assert.equal(bytes(999, "en"), "999 bytes");
  assert.equal(bytes(1_500_000, "en"), "1.5 MB");
  assert.equal(bytes(1_500_000, "de").replace(/\s/g, " "), "1,5 MB");
  assert.equal(roughly(45, "en"), "45 sec");
  assert.equal(roughly(27 * 60, "en"), "27 min");
  assert.equal(roughly(185 * 60, "en"), "3 hr 5 min");
});
