import assert from "node:assert/strict";
import { test } from "node:test";
import { arrangement, asked, canSharpen, fieldsOf, question } from "../../api/static/question.js";
import { START, read, toLike, toPart, write } from "../../api/static/routes.js";

const address = (/** @type {string} */ text) => {
  const url = new URL(text, "http://localhost/");
  return { search: url.search, hash: url.hash };
};

const alike = (/** @type {number} */ time) => ({ like: { video: "x", time }, weight: 1 });

const ROUTES = {
  empty: {},
  query: { query: "a red car & a boat?" },
  filters: { query: "car", collection: "Ürlaub 1", tags: ["a b", "c,d"], least: 0.35, order: "time", grouped: true },
  videos: { query: "car", folder: "/Videos/Ürlaub & mehr", shortest: 5.5, longest: 60, since: "2026-02-28", until: "2026-03-01", order: "date" },
  recorded: { query: "car", recordedSince: "2024-01-01", recordedUntil: "2024-12-31", lowest: 720, highest: 1080, language: "de" },
  found: { query: "car", title: "Take 1", fields: ["picture", "speech"], sharpen: true },
  moment: { query: "car", open: { video: "a/b", start: 1.5, end: 3.25 } },
  composed: {
    query: "car", parts: [{ text: "a & b", weight: -1 }, { text: "c,d", weight: 2 }],
    then: [
      { query: "e", within: 2.5, parts: [{ text: "g", weight: -0.3 }, { like: { video: "a/b", time: 2 }, weight: 1 }] },
      { query: "f", within: 10, parts: [] },
    ],
  },
  alike: { parts: [{ like: { video: "a/b", time: 1.5 }, weight: 1 }], collection: "archive" },
  both: { query: "car", parts: [{ like: { video: "a/b", time: 1.5 }, weight: -0.5 }] },
  library: { page: "library" },
  video: { page: "video", video: "a/b c", open: { video: "a/b c", start: 0, end: 2 } },
  status: { page: "status", collection: "archive" },
};

for (const [name, changes] of Object.entries(ROUTES)) {
  test(`an address leads back to its route: ${name}`, () => {
    const route = { ...START, ...changes };
    assert.deepEqual(read(address(write(route))), route);
  });
}

test("what cannot be meant is left out", () => {
  assert.deepEqual(read(address("?min=7&order=best&t=1,2#/nowhere")), START);
  assert.deepEqual(read(address("?longer=-1&shorter=x&since=yesterday&until=2026-13-01&from=now&to=2026&height=-1&language=E!")), START);
  assert.deepEqual(read(address("?like=x&at=-1")).parts, []);
  assert.deepEqual(read(address("?like=x")).parts, [{ like: { video: "x", time: 0 }, weight: 1 }]);
  assert.deepEqual(read(address("?v=x&t=a,b")).open, { video: "x", start: 0, end: 0 });
  assert.deepEqual(read(address("?v=x&t=5,2")).open, { video: "x", start: 5, end: 5 });
  assert.equal(read(address("#/library/%E0%A4%A")).video, "%E0%A4%A");
});

test("the server arranges the moments", () => {
  const route = { ...START, query: "car" };
  assert.deepEqual(arrangement(route), {});
  assert.deepEqual(arrangement({ ...route, order: "time" }), { sort: "time" });
  assert.deepEqual(arrangement({ ...route, order: "date", grouped: true }), { sort: "newest", group_by: "video" });
});

test("what is open does not ask for another answer", () => {
  const route = { ...START, query: "car" };
  assert.equal(asked(route), asked({ ...route, open: { video: "x", start: 0, end: 1 } }));
  assert.notEqual(asked(route), asked({ ...route, order: "time" }));
  assert.notEqual(asked(route), asked({ ...route, grouped: true }));
  assert.notEqual(asked(route), asked({ ...route, least: 0.5 }));
  assert.notEqual(asked(route), asked({ ...route, parts: [{ text: "red", weight: -1 }] }));
  assert.notEqual(asked({ ...START, parts: [alike(1)] }), asked({ ...START, parts: [alike(2)] }));
});

test("what is not wanted, and what follows, need something that is wanted", () => {
  /** @type {import("../../api/static/composed.js").Composed} */
  const beside = { parts: [{ text: "b", weight: -1 }], then: [{ query: "c", parts: [], within: 5 }] };
  assert.equal(write({ ...START, ...beside }), write(START));
  assert.deepEqual(read(address("?not=b&then=c")), START);
  assert.deepEqual(read(address("?not=b&like=x")).parts.length, 2);
});

test("what looks like a moment is searched for alone, and a picture joins what is asked", () => {
  const route = { ...START, query: "car", least: 0.5, then: [{ query: "c", parts: [], within: 5 }] };
  assert.equal(write({ ...route, ...toLike("x", 1.23456) }), "?like=x&at=1.235");
  const moment = { like: { video: "x", time: 1.2 }, weight: 1 };
  assert.equal(write({ ...route, ...toPart(route, moment) }), "?q=car&like=x&at=1.2&then=c&within=5");
  assert.equal(write({ ...route, ...toPart({ ...route, page: "video" }, moment) }), "?like=x&at=1.2");
});

test("days are those of the place where the browser is, from the first to the end of the last", () => {
  const { filter } = question({ ...START, query: "car", since: "2026-02-28", until: "2026-02-28" });
  const [from, before] = [new Date(filter.indexed_from ?? ""), new Date(filter.indexed_before ?? "")];
  assert.deepEqual([from.getDate(), from.getMonth(), from.getHours()], [28, 1, 0]);
  assert.deepEqual([before.getDate(), before.getMonth(), before.getHours()], [1, 2, 0]);
});

test("years are those of UTC, as the server counts them", () => {
  const { filter } = question({ ...START, query: "car", recordedSince: "2024-01-01", recordedUntil: "2024-12-31", lowest: 720, language: "en" });
  assert.deepEqual(filter, {
    recorded_from: "2024-01-01T00:00:00Z", recorded_before: "2025-01-01T00:00:00.000Z", min_height: 720, language: "en",
  });
});

test("only what is filtered is asked for", () => {
  assert.deepEqual(question({ ...START, query: "car" }), { query: "car" });
  assert.deepEqual(question({ ...START, parts: [alike(1)], least: 0.5 }), { like: { video_id: "x", time: 1 } });
  const parts = [{ picture: /** @type {any} */ ({ image: "AAAA" }), weight: 1 }];
  assert.deepEqual(question({ ...START, parts, least: 0.5 }), { image: "AAAA" });
  assert.equal(write({ ...START, parts }), write(START));
  const route = { ...START, query: "car", collection: "a", tags: ["x"], least: 0.5, folder: "/v", shortest: 1, longest: 9 };
  assert.deepEqual(question(route), {
    query: "car", collection: "a", min_relevance: 0.5,
    filter: { tags: ["x"], folder: "/v", min_duration: 1, max_duration: 9 },
  });
});

test("fields are asked for as the server takes them", () => {
  /** @type {import("../../api/static/routes.js").Route} */
  const route = { ...START, query: "car", fields: ["speech"] };
  assert.deepEqual(question(route), { query: "car", fields: ["speech"] });
  const composed = { ...route, parts: [{ text: "red", weight: 1 }] };
  assert.deepEqual(fieldsOf(composed), ["picture", "speech"]);
  assert.deepEqual(fieldsOf({ ...route, query: "", parts: [alike(1)] }), []);
});

test("one sentence that pictures are searched for is sharpened, and nothing else", () => {
  /** @type {import("../../api/static/routes.js").Route} */
  const route = { ...START, query: "car", sharpen: true };
  assert.equal(question(route).sharpen, true);
  for (const other of /** @type {Partial<typeof route>[]} */ ([
    { fields: ["text"] }, { parts: [alike(1)] }, { then: [{ query: "b", parts: [], within: 5 }] },
  ])) {
    assert.ok(!canSharpen({ ...route, ...other }));
    assert.equal(question({ ...route, ...other }).sharpen, undefined);
  }
});

test("titles and heights are filters", () => {
  const { filter } = question({ ...START, query: "car", title: "Take", lowest: 480, highest: 720 });
  assert.deepEqual(filter, { title: "Take", min_height: 480, max_height: 720 });
});

test("tags of moments are in the address, and a filter of their own", () => {
  const route = read({ search: "?q=car&tag=city&mark=night&mark=red%20car", hash: "" });
  assert.deepEqual(question(route).filter, { tags: ["city"], segment_tags: ["night", "red car"] });
  assert.equal(write(route), "?q=car&tag=city&mark=night&mark=red+car");
});

test("the order and the names of the library are in the address, and an unknown order is not", () => {
  const given = { search: "?sort=title&name=sea", hash: "#/library" };
  assert.deepEqual([read(given).sort, read(given).name], ["title", "sea"]);
  assert.equal(write(read(given)), "?sort=title&name=sea#/library");
  assert.equal(read({ search: "?sort=size", hash: "#/library" }).sort, "newest");
});
