/** Elements: built from tags, attributes and text; no text ever becomes markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, any>} Attributes */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element. `on` are listeners by event, `style` properties set one by one, as the page's policy wants it.
 * @param {string} tag
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  return fill(furnish(document.createElement(tag), attributes), ...children);
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function svg(tag, attributes = {}, ...children) {
  return fill(furnish(document.createElementNS(SVG, tag), attributes), ...children);
}

/**
 * Put children in place of those that an element has.
 * @template {Element} T
 * @param {T} element
 * @param {...(Child | Child[])} children
 * @returns {T}
 */
export function fill(element, ...children) {
  const shown = children.flat(3).filter((child) => child !== null && child !== undefined && child !== false);
  element.replaceChildren(...shown.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

/**
 * The element of an id that the page is known to have.
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

function furnish(element, { on = {}, style = {}, ...attributes }) {
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  return element;
}
