/** The card of the model that serves: what it is, since when, how good, and what it takes its answers from. */

import { byId, fill, h } from "../dom.js";
import { bars } from "../figures.js";
import { counted, moment, short } from "../numbers.js";
import { certificatePanel } from "./certificate.js";
import { evaluationPanels } from "./evaluation.js";
import { definitions, panel } from "./panels.js";

const LETTERS = 120;

/** Show the card for the answer of /api/model/info. */
export function showCard(info) {
  fill(byId("card"), info && [facts(info), metrics(info.metadata.metrics), ...evaluationPanels(info.metadata), importance(info), certificatePanel(info.metadata), parameters(info)]);
}

function facts(info) {
  const { metadata, features } = info;
  const statistics = features[0]?.statistics ?? {};
  const rows = statistics.count === undefined ? null : statistics.count + (statistics.missing ?? 0);
  const libraries = Object.entries(metadata.libraries ?? {}).map(([name, version]) => `${name} ${version}`).join(", ");
  return panel(
    info.model_type,
    definitions([
      ["Version", metadata.version],
      ["Saved", metadata.saved_at && moment(metadata.saved_at)],
      ["Task", String(info.task).replace("_", " ")],
      ["Data", metadata.dataset],
      ["Training rows", rows && counted(rows, "row")],
      ["Input", counted(info.n_features, "column")],
      ["Classes", info.classes?.length ? classList(info.classes) : null],
      ["Explained by", { linear: "its coefficients", tree_shap: "TreeSHAP" }[info.explains]],
      ["Serves on", [metadata.engine, metadata.batch_engine && `batches on ${metadata.batch_engine}`].filter(Boolean).join(", ")],
      ["Made with", libraries],
    ]),
  );
}

/** As many names as a few lines hold, and at least one. */
function classList(classes) {
  let [number, letters] = [0, 0];
  while (number < classes.length && letters < LETTERS) letters += String(classes[number++]).length + 2;
  const left = classes.length - number;
  return classes.slice(0, number).join(", ") + (left ? ` and ${left} more` : "");
}

function metrics(found) {
  const entries = Object.entries(found ?? {});
  if (!entries.length) return null;
  return panel("Metrics", h("dl", { class: "figures" }, entries.map(([name, value]) => [
    h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, typeof value === "number" ? short(value) : JSON.stringify(value))),
  ])));
}

function importance({ feature_importance: found }) {
  const rows = Object.entries(found ?? {}).map(([name, value]) => ({ name, value, text: short(Number(value?.toPrecision?.(3) ?? value)) }));
  if (!rows.length || rows.some(({ value }) => typeof value !== "number")) return null;
  rows.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const shown = rows.map((row) => ({ ...row, value: Math.abs(row.value) }));
  return panel("Importance of the columns", bars(shown, { label: "Importance of the columns", most: 12 }));
}

function parameters({ model_params: found }) {
  const entries = Object.entries(found ?? {});
  if (!entries.length) return null;
  return panel("Parameters", h("details", {}, h("summary", {}, counted(entries.length, "parameter")),
    definitions(entries.map(([name, value]) => [name, h("code", {}, value === null ? "None" : typeof value === "string" ? value : JSON.stringify(value))]))));
}
