/** Horizontal bars with their names and numbers, as a list. */

import { fill, h } from "./dom.js";

/**
 * Bars from 0 to the greatest value; those beyond the first `most` unfold.
 * @param {{name: string, value: number, text: string, strong?: boolean}[]} rows in the order to show
 * @param {{most?: number, top?: number, label: string}} options `top`: the value of a full bar
 */
export function bars(rows, { most = 10, top, label }) {
  const full = top ?? Math.max(...rows.map((row) => Math.abs(row.value)), Number.MIN_VALUE);
  const list = h("ol", { class: "bars", "aria-label": label });
  const show = (number) => fill(list, rows.slice(0, number).map((row) => bar(row, full)));
  show(most);
  if (rows.length <= most) return list;
  const button = h("button", { type: "button", class: "more" }, `Show all ${rows.length}`);
  button.addEventListener("click", () => {
    show(rows.length);
    button.remove();
  });
  return h("div", {}, list, button);
}

function bar({ name, value, text, strong }, full) {
  const width = `${Math.max(0, Math.min(100, (100 * value) / full))}%`;
  return h(
    "li", { class: strong ? "strong" : null },
    h("span", { class: "name", title: name }, name),
    h("span", { class: "bar" }, h("i", { style: { width } })),
    h("span", { class: "value" }, text),
  );
}
