/** The dialog for an API key. */

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
