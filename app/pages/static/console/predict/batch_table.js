/** Table of a batch: each row's answer beside its cells, and the cells that were rejected with their reasons. */

import { fill, h } from "../dom.js";
import { percent, short } from "../numbers.js";
import { predictionText } from "./answer.js";

const PORTION = 100; // rows that are shown at a time

/**
 * Show a table.
 * @param {HTMLElement} region
 * @param {{header: string[], rows: string[][]}} table
 * @param {any[]} results of the API, by `sample_id`
 * @param {any[]} warnings by row and name
 */
export function showTable(region, table, results, warnings) {
  if (!results.length) return void fill(region);
  const body = h("tbody");
  const odd = new Map(warnings.map((warning) => [`${warning.row} ${warning.name}`, warning.reason]));
  const more = h("button", { type: "button", class: "more" });
  let shown = 0;

  function showMore() {
    body.append(...results.slice(shown, shown + PORTION).map((result) => lineOf(result, table, odd)));
    shown = Math.min(results.length, shown + PORTION);
    more.hidden = shown === results.length;
    more.textContent = `Show more: ${shown} of ${results.length} rows are here`;
  }

  more.addEventListener("click", showMore);
  showMore();
  const heads = ["Row", "Answer", ...table.header];
  fill(
    region,
    h("div", { class: "scroll", role: "region", "aria-label": "Answers by row", tabindex: 0 },
      h("table", { class: "batch" },
        h("caption", { class: "hidden" }, "Answers by row"),
        h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
        body)),
    more,
  );
}

function lineOf(result, { header, rows }, odd) {
  const number = result.sample_id;
  const errors = result.details?.errors ?? [];
  const rejected = new Map(errors.map((error) => [header.indexOf(error.name) < 0 ? error.position : header.indexOf(error.name), error.reason]));
  const cells = rows[number] ?? [];
  return h(
    "tr", { class: result.error ? "rejected" : null },
    h("th", { scope: "row" }, String(number + 1)),
    h("td", { class: "answer" }, result.error ? reasons(result, errors) : answerOf(result)),
    header.map((name, at) => cell(cells[at] ?? "", rejected.get(at), odd.get(`${number} ${name}`))),
  );
}

function cell(text, reason, warning) {
  if (reason !== undefined) return h("td", { class: "wrong" }, h("mark", {}, text || "empty"), h("small", {}, reason));
  if (warning !== undefined) return h("td", { class: "odd", title: warning }, text, h("span", { class: "hidden" }, `, ${warning}`));
  return h("td", {}, text);
}

function answerOf(result) {
  const extra = typeof result.confidence === "number" ? percent(result.confidence, 0) : result.score === undefined || result.score === null ? "" : short(result.score);
  return [h("strong", {}, predictionText(result)), extra && h("small", {}, ` ${extra}`)];
}

function reasons(result, errors) {
  const elsewhere = errors.filter((error) => error.name === undefined && error.position === undefined);
  return [h("strong", {}, "rejected"), elsewhere.map((error) => h("small", {}, ` ${error.reason}`))];
}
