/** Dialogs: for an API key, and the question before something changes for all clients. */

import { byId } from "./dom.js";
import { change, session } from "./session.js";

/** Ask for a key. */
export function openKeyDialog() {
  byId("key-input").value = "";
  byId("key-dialog").returnValue = "cancel";
  byId("key-dialog").showModal();
}

/** Make the dialog and its button work. */
export function setUpKeys() {
  const dialog = byId("key-dialog");
  byId("key-button").addEventListener("click", openKeyDialog);
  dialog.addEventListener("close", () => {
    const typed = byId("key-input").value.trim();
    byId("key-input").value = "";
    if (dialog.returnValue === "use" && typed) change({ key: typed });
    if (dialog.returnValue === "forget" && session.key) change({ key: null });
    byId("key-button").textContent = session.key ? "Key in use" : "Key";
  });
}

/**
 * Ask; resolves to whether the answer was yes.
 * @param {string} title
 * @param {string} text
 * @param {string} action label of the button that does it
 * @returns {Promise<boolean>}
 */
export function confirmed(title, text, action) {
  const dialog = byId("confirmation");
  byId("confirmation-title").textContent = title;
  byId("confirmation-text").textContent = text;
  byId("confirmation-yes").textContent = action;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
