/** A question before something changes for all clients. */

import { byId } from "./dom.js";

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
