/** Panels of the model view, and lists of names and values in them. */

import { h } from "../dom.js";

/** A part of the card. */
export function panel(title, ...children) {
  return h("section", { class: "panel" }, h("h2", { class: "label" }, title), children);
}

/** Names and values. */
export function definitions(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
