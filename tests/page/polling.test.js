import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../api/static/api.js";
import { repeat } from "../../api/static/polling.js";

/** A window whose timers are run by the test. */
function world() {
  /** @type {(() => Promise<void>)[]} */
  const waiting = [];
  const made = {
    hidden: false,
    waiting,
    isHidden: () => made.hidden,
    later: (/** @type {() => Promise<void>} */ turn) => waiting.push(turn),
    never: () => waiting.splice(0),
    pass: () => waiting.shift()?.(),
  };
  return made;
}

test("it is asked now and after each pause, but not while the page is hidden", async () => {
  const here = world();
  let asked = 0;
  const end = repeat(async () => { asked += 1; }, 5000, here);
  await Promise.resolve();
  await here.pass();
  assert.equal(asked, 2);
  here.hidden = true;
  await here.pass();
  await here.pass();
  assert.equal(asked, 2);
  here.hidden = false;
  await here.pass();
  assert.equal(asked, 3);
  end();
  assert.equal(here.waiting.length, 0);
});

test("an error of the server does not end it, a refusal does", async () => {
  const here = world();
  let status = 503;
  repeat(async () => { throw new Failure({ status }); }, 5000, here);
  await new Promise((done) => setTimeout(done, 0));
  assert.equal(here.waiting.length, 1);
  status = 403;
  await here.pass();
  assert.equal(here.waiting.length, 0);
});

test("what is asked when it ends is not asked again", async () => {
  const here = world();
  let answer = () => {};
  const end = repeat(() => new Promise((done) => { answer = () => done(undefined); }), 5000, here);
  end();
  answer();
  await new Promise((done) => setTimeout(done, 0));
  assert.equal(here.waiting.length, 0);
});
