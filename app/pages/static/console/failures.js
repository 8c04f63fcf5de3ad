/** Failures in words: what is wrong, and what the reader can do. */

import { openKeyDialog } from "./dialogs.js";
import { fill, h } from "./dom.js";

const KEY_REASONS = {
  missing: "This service asks for a key.",
  invalid: "The service does not know this key.",
  expired: "This key has expired.",
  revoked: "This key was revoked.",
};

/**
 * A failure as a title, a sentence, and whether another key would help.
 * @param {import("./api.js").Failure} failure
 * @param {string} [scope] that the call needs
 */
export function inWords(failure, scope) {
  const { status, type } = failure;
  if (status === 0) return { title: "The service does not answer.", text: "Trying again every few seconds." };
  if (status === 401) {
    const needed = scope ? ` This needs the scope “${scope}”.` : "";
    return { title: KEY_REASONS[failure.details.reason] ?? failure.message, text: `A key is sent as X-API-Key and kept in this tab alone.${needed}`, key: true };
  }
  if (status === 403 && failure.details.scope) {
    return { title: "No permission.", text: `This needs a key with the scope “${failure.details.scope}”.`, key: true };
  }
  if (status === 429) return { title: "Too many requests.", text: again(failure), passing: true };
  if (type === "overloaded") return { title: "The service is overloaded.", text: again(failure), passing: true };
  if (type === "model_error" && failure.message === "No model is loaded") {
    return {
      title: "No model is loaded.",
      text: "Publish one with train_model.py, save_model() or “flask models import”, or activate a version under Model. This page follows.",
    };
  }
  if (status >= 500) return { title: failure.message, text: failure.requestId ? `The log has more under the request id ${failure.requestId}.` : "" };
  return { title: failure.message, text: failure.errors.map(sentence).join(" ") };
}

/** Elements for a failure where it belongs, with a way to another key if that would help. */
export function failureBlock(failure, scope) {
  const { title, text, key } = inWords(failure, scope);
  return h("div", { class: "failure" }, h("p", {}, h("strong", {}, title), " ", text), key && keyButton());
}

/** Show a failure in a region, or clear it with null. */
export function showFailure(region, failure, scope) {
  region.hidden = failure === null;
  fill(region, failure && failureBlock(failure, scope));
}

/** One error of `details.errors`: its place and its reason. */
export function sentence(error) {
  const place = [error.row !== undefined && `row ${error.row + 1}`, error.name ?? error.field].filter(Boolean).join(", ");
  return `${place ? `${place}: ` : ""}${error.reason}.`;
}

function keyButton() {
  return h("button", { type: "button", on: { click: openKeyDialog } }, "Enter a key");
}

function again(failure) {
  const limit = failure.details.limit ? `The limit is ${failure.details.limit} requests. ` : "";
  return `${limit}Try again in ${failure.retryAfter ?? 1} s.`;
}
