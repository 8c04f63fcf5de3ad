/** The views of the page, one of which is shown: the one that the address names after its #. */

import { byId } from "./dom.js";

const TITLES = { predict: "Predict", model: "Model", traffic: "Traffic" };

/** The view that the address names. */
export const currentView = () => (location.hash.slice(1) in TITLES ? location.hash.slice(1) : "predict");

/**
 * Show the view of the address, now and whenever it changes.
 * @param {(view: string) => void} shown
 */
export function setUpViews(shown) {
  function show() {
    const view = currentView();
    for (const name of Object.keys(TITLES)) byId(name).hidden = name !== view;
    for (const link of document.querySelectorAll("nav a")) {
      if (link.getAttribute("href") === `#${view}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${TITLES[view]} · Model service`;
    shown(view);
  }

  addEventListener("hashchange", () => {
    if (location.hash === "#content") return; // the link that skips the head
    show();
    scrollTo(0, 0);
  });
  show();
}
