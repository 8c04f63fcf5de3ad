/** Charts of values over time as SVG: an area or lines, a scale, and the last value in words. */

import { svg } from "../dom.js";

const [HEIGHT, TOP, BOTTOM, LEFT, RIGHT] = [150, 10, 20, 4, 4];

/**
 * A chart.
 * @param {object} options
 * @param {{name: string, points: [number, number | null][]}[]} options.series values by time in ms
 * @param {[number, number]} options.span first and last time in ms
 * @param {number} options.width in pixels
 * @param {(value: number) => string} options.format
 * @param {string} options.label what is shown, for who does not see it
 * @param {number} [options.least] the least top of the scale
 */
export function chart({ series, span, width, format, label, least = 0 }) {
  const values = series.flatMap(({ points }) => points.map(([, value]) => value)).filter((value) => value !== null);
  const top = ceiling(Math.max(least, ...values));
  const x = (time) => LEFT + ((time - span[0]) / (span[1] - span[0])) * (width - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
  return svg(
    "svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": label },
    [top, top / 2].map((value) => [
      svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT, y: y(value) + 11 }, format(value)),
    ]),
    svg("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: y(0), y2: y(0) }),
    minutes(span).map(([time, text, anchor]) => svg("text", { x: x(time), y: HEIGHT - 5, "text-anchor": anchor }, text)),
    series.map(({ points }, index) => lines(points, x, y, index)),
  );
}

/** The least even number times a power of ten, or 1 or 3 of them, that is not below a value. */
export function ceiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 6, 8, 10].map((each) => each * power).find((each) => each >= value * 0.999999) ?? value;
}

function minutes([first, last]) {
  return [[first, `${Math.round((last - first) / 60000)} min ago`, "start"], [last, "now", "end"]];
}

/** A line that is interrupted where there is no value; the first series is filled. */
function lines(points, x, y, index) {
  const parts = [];
  let open = [];
  for (const [time, value] of [...points, [0, null]]) {
    if (value !== null) open.push([x(time), y(value)]);
    else if (open.length) {
      parts.push(open);
      open = [];
    }
  }
  const path = (part) => part.map(([left, top], at) => `${at ? "L" : "M"}${left.toFixed(1)} ${top.toFixed(1)}`).join("");
  return parts.map((part) => {
    const line = part.length === 1 ? `${path(part)}h-6` : path(part);
    const area = `${path(part)}L${part.at(-1)[0].toFixed(1)} ${y(0)}L${part[0][0].toFixed(1)} ${y(0)}Z`;
    return [index === 0 && svg("path", { class: "area", d: area }), svg("path", { class: `line s${index}`, d: line })];
  });
}
