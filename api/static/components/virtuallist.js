// A grid of which only the rows near the window are in the document, so that a thousand are smooth.

import { html, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact.js";

const FEW = 60; // so many are drawn all
const MARGIN_ROWS = 3;

/**
 * Which items are drawn, and how many rows stay empty above and below them. Pure.
 * @param {{count: number, columns: number, row: number, top: number, height: number}} seen `row` is
 *   the height of a row; `top` is how far the list begins above the window, `height` the window's
 */
export function windowOf({ count, columns, row, top, height }) {
  const rows = Math.ceil(count / columns);
  if (count <= FEW || row <= 0) return { first: 0, last: count, above: 0, below: 0 };
  const from = Math.min(Math.max(0, Math.floor(top / row) - MARGIN_ROWS), Math.max(0, rows - 1));
  const to = Math.min(rows, Math.max(from + 1, Math.ceil((top + height) / row) + MARGIN_ROWS));
  return { first: from * columns, last: Math.min(count, to * columns), above: from, below: rows - to };
}

/**
 * @template T
 * @param {object} props
 * @param {T[]} props.items
 * @param {(item: T) => any} props.draw
 * @param {(item: T) => string} props.keyOf
 * @param {string} props.label
 * @param {boolean} [props.tall] whether a title may need two lines
 * @param {boolean} [props.focusFirst]
 */
export function VirtualList({ items, draw, keyOf, label, tall = false, focusFirst = false }) {
  /** @type {{current: HTMLOListElement | null}} */
  const list = useRef(null);
  const count = items.length;
  const [seen, see] = useState({ columns: 4, row: 0, top: 0, height: 0 });
  useLayoutEffect(() => {
    if (focusFirst) list.current?.querySelector("a")?.focus();
  }, [focusFirst]);
  useLayoutEffect(() => {
    if (count <= FEW) return undefined;
    let asked = 0;
    const look = () => {
      asked = 0;
      const item = list.current?.firstElementChild;
      if (!list.current || !item) return;
      const style = getComputedStyle(list.current);
      const columns = style.gridTemplateColumns.split(" ").length;
      const row = item.getBoundingClientRect().height + parseFloat(style.rowGap);
      const top = -list.current.getBoundingClientRect().top;
      const next = { columns, row, top: Math.floor(top / row) * row, height: innerHeight };
      see((last) => (JSON.stringify(last) === JSON.stringify(next) ? last : next));
    };
    const soon = () => { asked ||= requestAnimationFrame(look); };
    look();
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(asked);
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
    };
  }, [count]);
  // What was drawn once is the same node until something changes, so it is not compared again.
  const drawn = useMemo(() => /** @type {any[]} */ ([]), [items, draw]);
  if (!count) return null;
  const { first, last, above, below } = windowOf({ count, ...seen });
  const pad = { paddingTop: `${above * seen.row}px`, paddingBottom: `${below * seen.row}px` };
  return html`
    <ol class=${tall ? "cards tall" : "cards"} ref=${list} aria-label=${label} style=${pad}>
      ${items.slice(first, last).map((item, offset) => (drawn[first + offset] ??= html`
        <li key=${keyOf(item)} aria-setsize=${count} aria-posinset=${first + offset + 1}>${draw(item)}</li>
      `))}
    </ol>
  `;
}
