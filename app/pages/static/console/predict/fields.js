/** A field for each kind of column: what is typed, the value that is sent, and how training data looked. */

import { h } from "../dom.js";
import { counted, short } from "../numbers.js";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const DAY = /^\d{4}-\d\d-\d\d$/;
const LOCAL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/;
const MENU = 200; // more categories are suggested while one types

/**
 * @typedef {object} Field
 * @property {any} feature
 * @property {HTMLElement} element
 * @property {() => any} read the value, null where nothing is typed
 * @property {(value: any) => void} write null is a missing value where the column may have one
 * @property {() => void} clear
 * @property {(other: Field) => void} takeOver what was typed into the field of another version's column
 * @property {(text: string | null) => void} complain show an error, or none
 * @property {() => void} focus
 */

/**
 * The field of a column.
 * @param {any} feature as /api/model/info describes it
 * @param {number} position
 * @param {any} example its value in a training row
 * @returns {Field}
 */
export function fieldOf(feature, position, example) {
  const id = `column-${position}`;
  const input = inputOf(feature, id, example);
  const missing = feature.nullable ? h("input", { type: "checkbox", id: `${id}-missing` }) : null;
  const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
  const marker = h("i");
  const ranged = feature.kind === "number" && feature.statistics?.min !== undefined && feature.statistics.min !== null;
  const track = ranged && h("span", { class: "track", "aria-hidden": "true" }, marker);
  input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);

  function refresh() {
    input.disabled = missing?.checked ?? false;
    if (track) place(marker, track, feature.statistics, missing?.checked ? "" : input.value);
  }

  input.addEventListener("input", refresh);
  missing?.addEventListener("change", refresh);
  const element = h(
    "div", { class: `field kind-${feature.kind}` },
    h("label", { for: id, title: feature.name }, feature.name),
    h("div", { class: "entry" }, input, listOf(feature, id)),
    track,
    h("p", { class: "hint", id: `${id}-hint` }, hintOf(feature)),
    missing && h("label", { class: "missing", for: missing.id }, missing, "missing"),
    error,
  );
  return {
    feature,
    element,
    focus: () => input.focus(),
    read: () => (missing?.checked ? null : valueOf(feature, input.value)),
    write(value) {
      if (missing) missing.checked = value === null;
      // A training row has booleans as 0 and 1 where all columns are numbers.
      const boolean = feature.kind === "boolean" && typeof value === "number";
      input.value = value === null ? "" : textOf(boolean ? value !== 0 : value);
      refresh();
    },
    takeOver(other) {
      if (other.read() !== null || !missing) input.value = textOf(other.read() ?? "");
      else missing.checked = other.element.querySelector("input[type=checkbox]")?.checked ?? false;
      refresh();
    },
    clear() {
      if (missing) missing.checked = false;
      input.value = "";
      refresh();
    },
    complain(text) {
      error.hidden = text === null;
      // An empty field is sent as null, so that all errors of a row are found at once.
      const empty = text !== null && !missing?.checked && input.value === "";
      error.textContent = empty ? `is empty: ${text.replace(", not null", "")}` : text ?? "";
      input.setAttribute("aria-invalid", String(text !== null));
    },
  };
}

function inputOf(feature, id, example) {
  const { kind, categories, open } = feature;
  if (kind === "boolean") return menu(id, [true, false]);
  if (kind === "category" && !open && categories.length <= MENU) return menu(id, categories);
  if (kind === "text" || kind === "date" || kind === "category") {
    const type = kind === "date" ? dateType(String(example)) : "text";
    if (kind === "text") return h("textarea", { id, rows: 3, maxlength: 16384 });
    const step = type === "datetime-local" ? (String(example).includes(".") ? "0.001" : "1") : null;
    return h("input", { id, type, step, list: kind === "category" ? `${id}-list` : null, autocomplete: "off", spellcheck: "false" });
  }
  const mean = feature.statistics?.mean;
  const placeholder = typeof mean === "number" ? `mean ${short(mean)}` : null;
  return h("input", { id, inputmode: "decimal", placeholder, autocomplete: "off", spellcheck: "false" });
}

function menu(id, values) {
  return h("select", { id }, h("option", { value: "" }, ""), values.map((value) => h("option", { value: textOf(value) }, textOf(value))));
}

function listOf({ kind, categories, open }, id) {
  if (kind !== "category" || (!open && categories.length <= MENU)) return null;
  return h("datalist", { id: `${id}-list` }, categories.map((value) => h("option", { value: textOf(value) })));
}

function dateType(example) {
  if (DAY.test(example)) return "date";
  return LOCAL_TIME.test(example) ? "datetime-local" : "text";
}

function hintOf({ kind, statistics, categories, open, whole }) {
  if (kind === "number" && statistics?.min !== undefined && statistics.min !== null) {
    return `${short(statistics.min)} to ${short(statistics.max)}${whole ? ", whole" : ""}`;
  }
  if (kind === "category" && open) return `${counted(categories.length, "known", "known")}, others too`;
  if (kind === "date") return "date, ISO 8601";
  if (kind === "boolean") return "true or false";
  return kind === "category" ? counted(categories.length, "category", "categories") : kind;
}

/** Put the marker where the value lies in the training range, which is the middle of the track. */
function place(marker, track, { min, max }, text) {
  const value = NUMBER.test(text.trim()) ? Number(text) : Number.NaN;
  const share = max > min ? (value - min) / (max - min) : value === min ? 0.5 : value < min ? -1 : 2;
  marker.hidden = Number.isNaN(share);
  track.classList.toggle("outside", share < 0 || share > 1);
  marker.style.setProperty("left", `${100 * Math.min(1, Math.max(0, share))}%`);
}

function valueOf(feature, text) {
  const { kind, categories } = feature;
  if (kind === "text") return text;
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (kind === "boolean") return trimmed === "true";
  if (kind === "category") {
    const known = categories.find((category) => textOf(category) === trimmed);
    if (known !== undefined) return known;
    return typeof categories[0] === "number" ? numberOf(trimmed) : text;
  }
  return kind === "number" ? numberOf(trimmed) : trimmed;
}

/** A number, or the text as it is: the service says what is wrong with it. */
function numberOf(text) {
  const plain = text.replace("−", "-");
  return NUMBER.test(plain) ? Number(plain) : text;
}

const textOf = (value) => String(value);
