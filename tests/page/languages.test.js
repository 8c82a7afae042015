import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { chosen, FILES, filled, LANGUAGES, messagesIn } from "../../api/static/language.js";

const folder = new URL("../../api/static/languages/", import.meta.url);
const en = await messagesIn("en");
const values = (/** @type {any} */ message) =>
  [...new Set([message].flatMap((each) => (typeof each === "string" ? [each] : Object.values(each)))
    .flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();

test("every language has its files and its name", () => {
  assert.deepEqual(readdirSync(folder).sort(), Object.keys(LANGUAGES).sort());
  for (const name of Object.keys(LANGUAGES)) {
    assert.deepEqual(readdirSync(new URL(name, folder)).sort(), FILES.map((file) => `${file}.js`).sort());
  }
});

test("no message is in two files", async () => {
  const files = await Promise.all(FILES.map((file) => import(new URL(`en/${file}.js`, folder).href)));
  assert.equal(files.flatMap((file) => Object.keys(file.default)).length, Object.keys(en).length);
});

for (const name of Object.keys(LANGUAGES)) {
  test(`${name} says everything, with the same values`, async () => {
    const messages = await messagesIn(name);
    assert.deepEqual(Object.keys(messages), Object.keys(en));
    for (const [key, message] of Object.entries(en)) {
      assert.equal(typeof messages[key], typeof message, key);
      assert.deepEqual(values(messages[key]), values(message), key);
    }
  });
}

test("the first language that there is is spoken", () => {
  assert.equal(chosen([null, "fr-FR", "de-AT", "en"]), "de");
  assert.equal(chosen(["fr"]), "en");
  assert.equal(chosen([null, "constructor"]), "en");
});

test("numbers are written in the reader's way, and count chooses the form", () => {
  const messages = { found: { one: "{count} moment", other: "{count} moments" }, by: "by {who}" };
  assert.equal(filled(messages, "en", "found", { count: 1 }), "1 moment");
  assert.equal(filled(messages, "de", "found", { count: 1234 }), "1.234 moments");
  assert.equal(filled(messages, "en", "by", { who: "{count}" }), "by {count}");
  assert.equal(filled(messages, "en", "missing", {}), "missing");
});
