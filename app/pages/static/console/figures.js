/** Figures: horizontal bars with their names and numbers, and the numbers of a chart as a table. */

import { fill, h } from "./dom.js";

const NUMBER = /^([-−]?\d.*|–|)$/;

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

/**
 * The numbers of a chart for who does not see it, or wants them: a table that unfolds. It is made when it does, and
 * then stays as it is, so that what is being read does not move.
 * @param {string} caption
 * @param {() => (string | number)[][]} read the lines, of which the first are the heads of the columns
 */
export function asTable(caption, read) {
  const region = h("div");
  const details = h("details", { class: "numbers" }, h("summary", {}, "As a table"), region);
  details.addEventListener("toggle", () => fill(region, details.open && table(caption, read())));
  return details;
}

function table(caption, [[first, ...heads], ...lines]) {
  const aligned = heads.map((_, at) => (lines.every((line) => NUMBER.test(String(line[at + 1]))) ? "number" : null));
  return h("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: 0 },
    h("table", {},
      h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, first), heads.map((head, at) => h("th", { scope: "col", class: aligned[at] }, head)))),
      h("tbody", {}, lines.map(([head, ...cells]) => h("tr", {}, h("th", { scope: "row" }, head), cells.map((cell, at) => h("td", { class: aligned[at] }, cell)))))));
}
