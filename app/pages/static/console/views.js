/** What of the page is shown: the view that the address names after its #, and tabs. */

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

/**
 * Make the tabs of a list work by the ARIA pattern: arrows move, the chosen one alone is in the tab order.
 * @param {HTMLElement} list with role tablist
 * @param {(tab: HTMLElement) => void} chosen called with the tab
 * @returns {(tab: HTMLElement) => void} chooses a tab
 */
export function setUpTabs(list, chosen) {
  const tabs = () => [...list.querySelectorAll("[role=tab]")];

  function choose(tab) {
    for (const each of tabs()) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
    }
    chosen(tab);
  }

  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const all = tabs();
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = all.indexOf(document.activeElement);
    if (!step || at < 0) return;
    const next = all[(at + step + all.length) % all.length];
    next.focus();
    choose(next);
    event.preventDefault();
  });
  return choose;
}
