// The keys of the page outside the player: / to the box, arrows between moments, ? for the list.

import { helping } from "./help.js";

const WRITING = ["INPUT", "SELECT", "TEXTAREA"];

/** @returns {HTMLElement[]} */
const cards = () => [...document.querySelectorAll("a.card")].filter((each) => each instanceof HTMLElement);

function box() {
  const found = document.getElementById("query");
  return found instanceof HTMLInputElement ? found : null;
}

/** @param {Element} card */
function columns(card) {
  const list = card.closest("ol, ul");
  return list ? getComputedStyle(list).gridTemplateColumns.split(" ").length : 1;
}

/** @param {KeyboardEvent} event */
function move(event) {
  const all = cards();
  const active = document.activeElement;
  // From nowhere the arrow leads to the first moment, as from the box.
  const inBox = active === box() || active === document.body;
  const place = all.findIndex((card) => card === active);
  if (!all.length || (place < 0 && !(inBox && event.key === "ArrowDown"))) return;
  const wide = columns(all[Math.max(place, 0)]);
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide }[event.key] ?? 0;
  const there = inBox ? 0 : place + step;
  const target = there < 0 && event.key === "ArrowUp" ? box() : all[there];
  if (!target) return;
  event.preventDefault();
  target.focus();
  target.scrollIntoView({ block: "nearest" });
}

/** @param {KeyboardEvent} event */
export function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const writing = WRITING.includes(document.activeElement?.tagName ?? "");
  if (event.key === "?" && !writing) {
    event.preventDefault();
    helping.value = true;
  } else if (document.querySelector("dialog[open]")) {
    return;
  } else if (event.key === "/" && !writing) {
    event.preventDefault();
    box()?.focus();
    box()?.select();
  } else if (event.key.startsWith("Arrow")) {
    move(event);
  }
}
