import assert from "node:assert/strict";
import { test } from "node:test";
import { ninth, rect, warm } from "../../api/static/heat.js";

const WHOLE = { left: 0, top: 0, right: 1, bottom: 1 };

test("a box is drawn in the units of the picture", () => {
  assert.deepEqual(rect({ left: 0.25, top: 0.5, right: 0.75, bottom: 1 }, 160, 90), { x: 40, y: 45, width: 80, height: 45 });
});

test("only warm parts are coloured, the hottest most", () => {
  const found = warm({ heat: [[0, 1], [0.04, 0.0625]], area: WHOLE, box: WHOLE }, 160, 90);
  assert.deepEqual(found, [
    { x: 80, y: 0, width: 80, height: 45, opacity: 0.7 },
    { x: 80, y: 45, width: 80, height: 45, opacity: 0.0625 * 0.7 },
  ]);
});

test("a map of the middle of a picture is drawn in its middle", () => {
  const area = { left: 0.25, top: 0, right: 0.75, bottom: 1 };
  assert.deepEqual(warm({ heat: [[1]], area, box: area }, 160, 90), [{ x: 40, y: 0, width: 80, height: 90, opacity: 0.7 }]);
});

test("a box is named by the ninth of the picture that its middle is in", () => {
  const named = (left, top, right, bottom) => ninth({ left, top, right, bottom });
  assert.equal(named(0, 0, 0.3, 0.3), "topLeft");
  assert.equal(named(0.1, 0.1, 0.9, 0.9), "centre");
  assert.equal(named(0.8, 0.9, 1, 1), "bottomRight");
  assert.equal(named(1, 0.4, 1, 0.6), "right");
});
