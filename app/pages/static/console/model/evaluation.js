/** How the model did on rows that it was not fitted to, if its publisher wrote it down: confusion matrix, residuals. */

import { h, svg } from "../dom.js";
import { asTable } from "../figures.js";
import { percent, precise, short, whole } from "../numbers.js";
import { panel } from "./panels.js";

const [WIDTH, HEIGHT, EDGE] = [420, 260, 62];

/** Panels for what `metadata` has of `confusion_matrix` and `residuals`. */
export function evaluationPanels({ confusion_matrix: matrix, residuals }) {
  const panels = [];
  if (isMatrix(matrix)) panels.push(panel("Confusion matrix", confusion(matrix)));
  if (isResiduals(residuals)) panels.push(panel("Predicted and actual", scatter(residuals)));
  return panels;
}

const numbers = (list) => Array.isArray(list) && list.every((each) => typeof each === "number");

function isMatrix(found) {
  const { labels, counts } = found ?? {};
  return Array.isArray(labels) && labels.length > 0 && Array.isArray(counts) && counts.length === labels.length && counts.every((row) => numbers(row) && row.length === labels.length);
}

function isResiduals(found) {
  const { predicted, actual } = found ?? {};
  return numbers(predicted) && numbers(actual) && predicted.length === actual.length && predicted.length > 0;
}

function confusion({ labels, counts }) {
  const right = counts.reduce((sum, row, at) => sum + row[at], 0);
  const all = counts.flat().reduce((sum, each) => sum + each, 0);
  return [
    h("div", { class: "scroll", role: "region", "aria-label": "Confusion matrix", tabindex: 0 },
      h("table", { class: "confusion" },
        h("caption", {}, `Rows: actual class. Columns: predicted class. ${whole(right)} of ${whole(all)} right.`),
        h("thead", {}, h("tr", {}, h("td"), labels.map((label) => h("th", { scope: "col" }, String(label))))),
        h("tbody", {}, counts.map((row, actual) => {
          const sum = row.reduce((total, each) => total + each, 0);
          return h("tr", {}, h("th", { scope: "row" }, String(labels[actual])), row.map((count, predicted) => heat(count, sum, actual === predicted)));
        })))),
  ];
}

function heat(count, sum, right) {
  const share = sum ? count / sum : 0;
  const shade = h("td", { class: right ? "right" : null, title: `${percent(share)} of the row` }, whole(count));
  shade.style.setProperty("--share", `${Math.round(share * 100)}%`);
  if (share > 0.55) shade.classList.add("full");
  return shade;
}

function scatter({ predicted, actual }) {
  const all = [...predicted, ...actual];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = (value) => EDGE + ((value - low) / (high - low || 1)) * (WIDTH - EDGE - 8);
  const y = (value) => HEIGHT - 30 - ((value - low) / (high - low || 1)) * (HEIGHT - 40);
  const mean = predicted.reduce((sum, value, at) => sum + Math.abs(value - actual[at]), 0) / predicted.length;
  const words = `${predicted.length} rows: predicted values over actual ones, off by ${short(mean)} on average`;
  return [
    svg("svg", { class: "scatter", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words },
      svg("line", { class: "mark", x1: x(low), y1: y(low), x2: x(high), y2: y(high) }),
      actual.map((value, at) => svg("circle", { cx: x(value), cy: y(predicted[at]), r: 2.5 })),
      svg("text", { x: EDGE, y: HEIGHT - 12 }, short(low)),
      svg("text", { x: WIDTH - 8, y: HEIGHT - 12, "text-anchor": "end" }, `actual ${short(high)}`),
      svg("text", { x: EDGE - 6, y: y(low), "text-anchor": "end" }, short(low)),
      svg("text", { x: EDGE - 6, y: y(high) + 8, "text-anchor": "end" }, short(high)),
      svg("text", { x: EDGE + 6, y: y(high) + 8 }, "predicted")),
    h("p", { class: "quiet" }, `${words}.`),
    asTable("Predicted and actual values", () => [["Row", "Actual", "Predicted"], ...actual.map((value, at) => [at + 1, precise(value), precise(predicted[at])])]),
  ];
}
