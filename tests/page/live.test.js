import assert from "node:assert/strict";
import { test } from "node:test";
import { freeName, hoursOf, isOurs, looksOf, momentOf, queryOf, routeOf, stillUrl, watched, withAlerts } from "../../api/static/live/words.js";
import { jump } from "../../api/static/live/playing.js";
import { kindOf, numberOf, pauseMs } from "../../api/static/live/webcam.js";

test("a picture is behind what is new until it jumps", () => {
  assert.deepEqual([jump(5, 6), jump(5, 6.9)], [null, null]);
  assert.ok(Math.abs((jump(5, 9) ?? 0) - 8.6) < 1e-9);
});

test("a state looks as it is, and an unknown one as something to look at", () => {
  const looks = ["live", "failed", "paused", "other"].map((state) => looksOf({ state: /** @type {any} */ (state) }));
  assert.deepEqual(looks, ["sure", "maybe", "weak", "maybe"]);
  assert.ok(isOurs({ address: "rtsp://a/" }) && !isOurs({ address: null }));
});

test("another picture has another address", () => {
  assert.equal(stillUrl({ name: "a b", embedded: 7 }), "v1/cameras/a%20b/thumbnail?frame=7");
});

test("alerts come once, the newest first, and not without end", () => {
  const alert = (/** @type {string} */ id) => /** @type {any} */ ({ id });
  const ids = withAlerts(["b", "a"].map(alert), ["d", "b"].map(alert), 3).map(({ id }) => id);
  assert.deepEqual(ids, ["d", "b", "a"]);
  assert.equal(withAlerts(["b", "a"].map(alert), [alert("c")], 2).length, 2);
});

test("an alert leads to its moment", () => {
  const moment = { video_id: "v", start: 1, end: 2, collection: "c" };
  assert.deepEqual(momentOf(moment), { collection: "c", open: { video: "v", start: 1, end: 2 } });
});

const part = (/** @type {any} */ given) => ({ weight: 1, text: null, like: null, picture: false, ...given });

test("a watch leads back to its search, unless it has a picture", () => {
  const watch = {
    collection: "c", parts: [part({ text: "car" }), part({ text: "red", weight: -1 })],
    then: [{ within: 5, parts: [part({ like: { video_id: "v", time: 2 } })] }],
  };
  const found = routeOf(watch);
  assert.deepEqual([found?.query, found?.parts], ["car", [{ text: "red", weight: -1 }]]);
  assert.deepEqual(found?.then, [{ query: "", parts: [{ like: { video: "v", time: 2 }, weight: 1 }], within: 5 }]);
  assert.equal(routeOf({ ...watch, parts: [part({ picture: true })] }), null);
});

test("a watch asks for what the search does, without its filters and its order", () => {
  const question = { query: "car", then: {}, collection: "c", fields: ["picture"], filter: {}, min_relevance: 0.5, sharpen: true };
  assert.deepEqual(watched(question), { query: "car", then: {}, collection: "c", fields: ["picture"] });
});

test("hours are asked for if one of them is given", () => {
  assert.deepEqual(hoursOf("", "", "UTC"), {});
  assert.deepEqual(hoursOf("22:00", "", "UTC"), { hours: { start: "22:00", end: "24:00", zone: "UTC" } });
});

test("a new camera gets a name that no other has", () => {
  assert.equal(freeName("webcam", []), "webcam");
  assert.equal(freeName("webcam", ["webcam", "yard"]), "webcam-2");
  assert.equal(freeName("webcam", ["webcam", "webcam-2"]), "webcam-3");
});

test("a watch is tried again by what it asks for, unless that has a picture", () => {
  const words = part({ text: "red" });
  const moment = part({ like: { video_id: "sea", time: 2 }, weight: -0.5 });
  const watch = { collection: "default", fields: ["picture"], parts: [words, moment], then: [{ within: 5, parts: [words] }] };
  assert.deepEqual(queryOf(watch), {
    collection: "default", fields: ["picture"],
    parts: [{ text: "red", weight: 1 }, { like: { video_id: "sea", time: 2 }, weight: -0.5 }],
    then: [{ within: 5, parts: [{ text: "red", weight: 1 }] }],
  });
  assert.equal("then" in (queryOf({ ...watch, then: [] }) ?? {}), false);
  assert.equal(queryOf({ ...watch, parts: [part({ picture: true })] }), null);
});

test("a webcam is sent as what can be recorded and played, if the browser makes it", () => {
  assert.equal(kindOf(["video/webm;codecs=vp8", "video/webm;codecs=h264"]), "video/webm;codecs=h264");
  assert.equal(kindOf(["video/webm;codecs=vp8"]), "video/webm;codecs=vp8");
  assert.equal(kindOf([]), "");
});

test("a webcam begins anew by the number that the server says, and waits longer after each failure", () => {
  assert.deepEqual(["begin 3", "stop", "begin x", "begin -1"].map(numberOf), [3, 0, 0, 0]);
  assert.deepEqual([0, 1, 3, 9].map(pauseMs), [1000, 2000, 8000, 15000]);
});
