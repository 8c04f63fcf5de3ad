/** Tabs by the ARIA pattern: arrows move, the chosen one alone is in the tab order. */

/**
 * Make the buttons of a list work.
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
