/** The form of one row: its fields, and errors where they belong. */

import { byId, fill, h } from "../dom.js";
import { sentence } from "../failures.js";
import { counted } from "../numbers.js";
import { fieldOf } from "./fields.js";

const MANY = 12; // columns from which on there is a filter

/** @type {import("./fields.js").Field[]} */
let fields = [];
let example = {};
let touched = false; // once something was typed, and not only the example taken

/**
 * Make the fields of a model. What was typed stays where another version has the same column.
 * @returns {boolean} whether anything was typed
 */
export function buildForm(info) {
  example = info.example ?? {};
  const typed = new Map(touched ? fields.map((field) => [field.feature.name, field]) : []);
  fields = info.features.map((feature, position) => fieldOf(feature, position, example[feature.name]));
  const kept = fields.filter(({ feature }) => typed.get(feature.name)?.feature.kind === feature.kind);
  for (const field of kept) field.takeOver(typed.get(field.feature.name));
  touched = kept.length > 0;
  fill(byId("fields"), fields.map((field) => field.element));
  byId("column-tools").hidden = fields.length <= MANY;
  byId("column-filter").value = "";
  filter();
  complain([]);
  return touched;
}

/** The row by column name. */
export function readRow() {
  return Object.fromEntries(fields.map((field) => [field.feature.name, field.read()]));
}

/** Fill in the training row. */
export function writeExample() {
  touched = false;
  for (const field of fields) field.write(example[field.feature.name] ?? null);
  complain([]);
}

/** Empty all fields. */
export function clearRow() {
  touched = true;
  for (const field of fields) field.clear();
  complain([]);
}

/** Show errors at their fields, the others above them, and go to the first. */
export function complain(errors) {
  const left = [];
  const byName = new Map(fields.map((field) => [field.feature.name, []]));
  for (const error of errors) (byName.get(error.name) ?? left).push(error);
  for (const field of fields) {
    const found = byName.get(field.feature.name);
    field.complain(found.length ? found.map((error) => error.reason).join("; ") : null);
    if (found.length) field.element.hidden = false; // also where the filter had left it out
  }
  const general = byId("row-errors");
  general.hidden = !left.length;
  fill(general, left.map((error) => h("p", {}, sentence({ ...error, row: undefined }))));
  fields.find((field) => byName.get(field.feature.name).length)?.focus();
}

/** Make filter and pasting work. */
export function setUpForm() {
  byId("column-filter").addEventListener("input", filter);
  byId("fields").addEventListener("paste", spread);
  byId("fields").addEventListener("input", () => (touched = true));
}

function filter() {
  const wanted = byId("column-filter").value.trim().toLowerCase();
  for (const { feature, element } of fields) element.hidden = !feature.name.toLowerCase().includes(wanted);
  const shown = fields.filter(({ element }) => !element.hidden).length;
  byId("column-count").textContent = wanted ? `${shown} of ${counted(fields.length, "column")}` : counted(fields.length, "column");
}

/** Spread a pasted row of a spreadsheet over the field and those after it. */
function spread(event) {
  const text = event.clipboardData?.getData("text") ?? "";
  const cells = text.replace(/\r?\n$/, "").split("\t");
  const at = fields.findIndex(({ element }) => element.contains(event.target));
  if (cells.length < 2 || at < 0) return;
  event.preventDefault();
  touched = true;
  cells.slice(0, fields.length - at).forEach((cell, index) => {
    fields[at + index].write(cell.trim() === "" && fields[at + index].feature.nullable ? null : cell.trim());
  });
}
