/** Prediction of many rows from CSV, pasted, dropped or opened. */

import { predictionPath, send } from "../api.js";
import { byId, fill, h } from "../dom.js";
import { failureBlock } from "../failures.js";
import { counted } from "../numbers.js";
import { session } from "../session.js";
import { showTable } from "./batch_table.js";
import { showCode } from "./code.js";
import { csvOf, tableOf } from "./csv.js";

const LONGEST = 10_000_000; // characters that a text area stays usable with

/** Make the form work. */
export function setUpBatch() {
  const area = byId("csv");
  byId("batch-form").addEventListener("submit", (event) => {
    event.preventDefault();
    predictAll(area.value);
  });
  byId("csv-file").addEventListener("change", (event) => open(event.target.files[0]));
  byId("csv-example").addEventListener("click", () => (area.value = exampleOf(session.info)));
  area.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    area.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    open(event.dataTransfer.files[0]);
  });
}

async function open(file) {
  if (!file) return;
  if (file.size > LONGEST) {
    fill(byId("batch-answer"), h("p", { class: "failure" }, `${file.name} is too large for this page: send it with the program on the right.`));
    return;
  }
  byId("csv").value = await file.text();
}

async function predictAll(text) {
  const region = byId("batch-answer");
  const path = `${predictionPath("predict/batch")}?errors=rows`;
  const table = tableOf(text, session.info?.feature_names ?? []);
  showCode({ path, file: "rows.csv" });
  const started = performance.now();
  try {
    const response = await send(path, { method: "POST", text, headers: { "Content-Type": "text/csv" } });
    const answer = await response.json();
    fill(byId("answer"), summary(answer, performance.now() - started));
    showTable(region, table, answer.results, answer.warnings ?? []);
  } catch (failure) {
    if (!("errors" in failure)) throw failure;
    showTable(region, table, rejectedRows(failure.errors), []);
    fill(byId("answer"), failureBlock(failure.status === 400 ? ofTheWhole(failure) : failure, "predict"));
  }
}

function summary({ count, rejected = 0, model_version: version }, milliseconds) {
  return [
    h("p", { class: "headline" }, h("span", { class: "label" }, "Rows predicted"), h("strong", { id: "batch-count" }, String(count - rejected)),
      h("small", {}, rejected ? `${counted(rejected, "row")} rejected` : "none rejected")),
    h("p", { class: "quiet" }, `Version ${version}, here after ${Math.round(milliseconds)} ms`),
  ];
}

/** Errors of rows stand in the table; what concerns all of them is said here. */
function ofTheWhole(failure) {
  const general = failure.errors.filter((error) => error.row === undefined);
  failure.details = { ...failure.details, errors: general };
  if (!general.length) failure.message = "No row can be predicted.";
  return failure;
}

function rejectedRows(errors) {
  const found = [];
  for (const error of errors) {
    if (error.row === undefined) continue;
    found[error.row] ??= { sample_id: error.row, error: "Validation failed", details: { errors: [] } };
    found[error.row].details.errors.push(error);
  }
  return found.filter(Boolean);
}

function exampleOf(info) {
  if (!info) return "";
  return csvOf(info.feature_names, [info.feature_names.map((name) => info.example[name])]);
}
