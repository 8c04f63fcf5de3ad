/** The answer for one row: what the model predicts, how sure it is, and what was odd about the row. */

import { fill, h } from "../dom.js";
import { bars } from "../figures.js";
import { counted, percent, precise, short } from "../numbers.js";
import { session } from "../session.js";

const TASKS = {
  classification: "Class",
  regression: "Value",
  clustering: "Cluster",
  outlier_detection: "Outlier detection",
  transformation: "Transformed row",
};
const MOST_OUTPUTS = 24;
const [MOST_CLASSES, UNLIKELY] = [10, 0.0005]; // shown at first: so many, and none below this
const LONG = 20; // letters from which on a prediction is set smaller

/** Show an answer of /api/predict in a region; `note` is a sentence about the row, if there is one to say. */
export function showAnswer(region, answer, milliseconds, note) {
  const { result, warnings = [], model_version: version } = answer;
  fill(
    region,
    headline(result),
    probabilities(result),
    result.outputs && outputs(result.outputs),
    warnings.length > 0 && warningList(warnings),
    h("p", { class: "quiet" }, `Version ${version}, here after ${Math.round(milliseconds)} ms.${note ? ` ${note}` : ""}`),
  );
}

/** A prediction as one text, as tables show it. */
export function predictionText(result) {
  if (result.outputs) return result.outputs.slice(0, 3).map(short).join(", ") + (result.outputs.length > 3 ? ", …" : "");
  const { prediction } = result;
  if (session.info?.task === "outlier_detection") return prediction === -1 ? "outlier" : "ordinary";
  return Array.isArray(prediction) ? prediction.map(predictedText).join(", ") : predictedText(prediction);
}

/** Predicted numbers have more digits than labels that happen to be numbers. */
const predictedText = (value) => (session.info?.task === "regression" && typeof value === "number" ? precise(value) : labelText(value));

/** A label or number as text. */
export const labelText = (value) => (typeof value === "number" && !Number.isInteger(value) ? short(value) : String(value));

/** The name of a class without the prefix that keys of other labels than text have. */
export const className = (key, classes = session.info?.classes ?? []) => {
  const label = classes.find((each) => typeof each !== "string" && `class_${each}` === key);
  return label === undefined ? key : String(label);
};

function headline(result) {
  if (result.outputs) return h("p", { class: "headline" }, counted(result.outputs.length, "output"));
  const several = Array.isArray(result.prediction);
  const sure = typeof result.confidence === "number" && h("small", {}, `${percent(result.confidence)} sure`);
  const score = result.score !== undefined && result.score !== null && h("small", {}, `score ${short(result.score)}`);
  return h(
    "div", { class: "headline" },
    h("span", { class: "label" }, several ? counted(result.prediction.length, "target") : TASKS[session.info?.task] ?? "Prediction"),
    several ? null : h("strong", { id: "prediction", class: predictionText(result).length > LONG ? "long" : null, title: String(result.prediction) }, predictionText(result)),
    several ? targets(result) : null,
    sure, score,
  );
}

function targets({ prediction, confidence }) {
  return h("ol", { class: "targets", id: "prediction" }, prediction.map((value, at) =>
    h("li", {}, h("strong", {}, predictedText(value)), Array.isArray(confidence) && ` ${percent(confidence[at])} sure`)));
}

function probabilities({ probabilities: found, prediction }) {
  if (!found) return null;
  if (!Array.isArray(found)) return probabilityBars(found, prediction, "Probabilities");
  return found.map((each, at) => [
    h("h3", { class: "label" }, `Target ${at + 1}`),
    probabilityBars(each, prediction[at], `Probabilities of target ${at + 1}`, session.info?.targets?.[at]),
  ]);
}

function probabilityBars(found, prediction, label, classes) {
  const rows = Object.entries(found).map(([key, value]) => {
    const name = className(key, classes);
    return { name, value, text: percent(value), strong: name === String(prediction) };
  });
  rows.sort((a, b) => b.value - a.value);
  const likely = rows.filter(({ value }) => value >= UNLIKELY).length;
  return bars(rows, { label, top: 1, most: Math.min(MOST_CLASSES, Math.max(likely, 3)) });
}

function outputs(values) {
  const list = h("ol", { class: "outputs", start: 0 });
  fill(list, values.slice(0, MOST_OUTPUTS).map((value) => h("li", {}, short(value))));
  const more = values.length - MOST_OUTPUTS;
  return [list, more > 0 && h("p", { class: "quiet" }, `and ${more} more`)];
}

function warningList(warnings) {
  return h("div", { class: "warnings", role: "note" },
    h("p", {}, h("strong", {}, "Unlike the training data: "), "the model answers, but has seen no such row."),
    h("ul", {}, warnings.map(({ name, value, reason }) => h("li", {}, h("b", {}, name), ` ${labelText(value)}: ${reason}`))));
}
