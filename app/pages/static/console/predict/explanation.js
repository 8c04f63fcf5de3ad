/** Why the model answered so: contributions of the columns, as signed bars from the base value to the margin. */

import { h, svg } from "../dom.js";
import { asTable } from "../figures.js";
import { short, signed } from "../numbers.js";
import { labelText } from "./answer.js";

const SCALES = {
  log_odds: "log odds",
  decision: "the decision function",
  probability: "probability",
  value: "the predicted value",
  score: "the score",
};
const METHODS = { linear: "Coefficients times distance from the average", tree_shap: "Shapley values of the trees (TreeSHAP)" };
const [ROW, RIGHT] = [26, 62];
const DESK = { width: 560, left: 184, letters: 26 }; // of a column and its value
const PHONE = { width: 358, left: 138, letters: 18 };

/** Elements for `explanation` of an answer. */
export function explanationBlock(explanation) {
  const { method, scale, class: explained, base_value: base, margin, others } = explanation;
  const unit = SCALES[scale] ?? scale;
  return h(
    "section", { class: "why", "aria-labelledby": "why-title" },
    h("h2", { class: "label", id: "why-title" }, explained === undefined ? "Why" : `Why ${labelText(explained)}`),
    chart(steps(explanation), unit),
    h("p", { class: "quiet" }, `Unit: ${unit}. From ${short(base)}, the average over the training data, to ${short(margin)}`,
      others ? ", with all columns that are not shown." : ".", ` ${METHODS[method] ?? method}.`),
    asTable(`Contributions in ${unit}`, () => numbers(explanation)),
  );
}

/** Each bar's name, value, and where it begins and ends. */
export function steps({ contributions, others, base_value: base }) {
  let at = base;
  const rows = contributions.map(({ name, value, contribution }) => ({ name, value, contribution }));
  if (others) rows.push({ name: "all others", value: undefined, contribution: others });
  return rows.map((row) => ({ ...row, from: at, to: (at += row.contribution) }));
}

function numbers({ contributions, others, base_value: base, margin }) {
  return [
    ["Column", "Value", "Contribution"],
    ["average", "", base],
    ...contributions.map(({ name, value, contribution }) => [name, value === null ? "missing" : String(value), contribution]),
    ["all others", "", others],
    ["this row", "", margin],
  ];
}

function chart(rows, unit) {
  const ends = rows.flatMap(({ from, to }) => [from, to]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const size = innerWidth > 600 ? DESK : PHONE;
  const x = (value) => size.left + ((value - low) / (high - low || 1)) * (size.width - size.left - RIGHT);
  const height = ROW * rows.length + 44;
  const words = rows.map(({ name, contribution }) => `${name} ${signed(contribution)}`).join(", ");
  const [first, last] = [rows[0]?.from ?? low, rows.at(-1)?.to ?? high];
  return svg(
    "svg", { class: "waterfall", viewBox: `0 0 ${size.width} ${height}`, role: "img", "aria-label": `Contributions in ${unit}: ${words}` },
    mark(size, x(first), 12, 18, height - 24, `average ${short(first)}`),
    mark(size, x(last), height - 4, 18, height - 18, `this row ${short(last)}`),
    rows.map((row, index) => bar(size, row, 22 + index * ROW, x)),
  );
}

function bar({ width, letters }, { name, value, contribution, from, to }, top, x) {
  const [start, end] = [Math.min(x(from), x(to)), Math.max(x(from), x(to))];
  const shown = value === undefined ? "" : ` = ${value === null ? "missing" : labelText(value)}`;
  const head = cut(name, letters - Math.min(12, shown.length));
  return svg(
    "g", { class: contribution < 0 ? "down" : "up" },
    svg("title", {}, `${name}${shown}: ${signed(contribution)}`),
    svg("text", { x: 0, y: top + 15 }, head + cut(shown, letters - head.length)),
    svg("rect", { x: start, y: top + 4, width: Math.max(1, end - start), height: ROW - 10, rx: 1 }),
    svg("text", { x: Math.min(end + 5, width - RIGHT + 5), y: top + 15, class: "number" }, signed(Number(contribution.toPrecision(3)))),
  );
}

function mark({ width, left }, x, y, top, bottom, text) {
  const anchor = x > width - 120 ? "end" : x < left + 60 ? "start" : "middle";
  return [
    svg("line", { x1: x, x2: x, y1: top, y2: bottom, class: "mark" }),
    svg("text", { x, y, "text-anchor": anchor, class: "quiet" }, text),
  ];
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
