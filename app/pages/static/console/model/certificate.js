/** The proof that the engine which serves equals the library that the model was fitted with. */

import { h } from "../dom.js";
import { short, whole } from "../numbers.js";
import { definitions, panel } from "./panels.js";

const REFERENCE = "sklearn";

/** The panel of all engines that were tried, or null for a version without certificates. */
export function certificatePanel({ certificates, engine }) {
  const found = Object.entries(certificates ?? {});
  if (!found.length) return null;
  const serving = certificates[engine];
  return panel("Certificate", proof(serving, engine), times(found, engine), reasons(found));
}

function proof(certificate, engine) {
  if (engine === REFERENCE) return h("p", {}, "The original library itself serves, which needs no proof.");
  if (!certificate?.certified) return null;
  const { rows, left_to_model: left, label_mismatches: mismatches, max_difference: difference, splits } = certificate;
  const agreed = mismatches === undefined || rows === undefined ? null : `${whole(rows - mismatches)} of ${whole(rows)}`;
  return [
    h("p", {}, h("strong", {}, `${engine} answers as the original does`), ", compared row by row when this version was published:"),
    definitions([
      ["Rows tried", rows === undefined ? null : whole(rows)],
      ["Labels equal", agreed],
      ["Largest difference", difference === undefined ? null : difference === 0 ? "0, bit for bit" : short(difference)],
      ["Thresholds proven", splits?.total ? `${whole(splits.proven)} of ${whole(splits.total)}` : null],
      ["Rows left to the original", left ? whole(left) : null],
    ]),
  ];
}

function times(found, engine) {
  const timed = found.filter(([, certificate]) => certificate?.median_us);
  const sizes = [...new Set(timed.flatMap(([, certificate]) => Object.keys(certificate.median_us)))].sort((a, b) => a - b);
  if (!sizes.length) return null;
  const reference = found.find(([name]) => name === REFERENCE)?.[1]?.median_us;
  return h("div", { class: "scroll", role: "region", "aria-label": "Time of a call", tabindex: 0 },
    h("table", {},
      h("caption", {}, "Median time of a call, and how many times as fast as the original"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Rows"), timed.map(([name]) => h("th", { scope: "col", class: "number" }, name === REFERENCE ? "original" : name)))),
      h("tbody", {}, sizes.map((size) => h("tr", {}, h("th", { scope: "row" }, whole(Number(size))),
        timed.map(([name, certificate]) => h("td", { class: name === engine ? "number strong" : "number" }, timeText(certificate.median_us[size], name === REFERENCE ? undefined : reference?.[size]))))))));
}

function timeText(microseconds, reference) {
  if (microseconds === undefined || microseconds === null) return "–";
  const text = microseconds < 1e3 ? `${short(Number(microseconds.toPrecision(3)))} µs` : `${short(Number((microseconds / 1e3).toPrecision(3)))} ms`;
  return reference ? `${text} · ${short(Number((reference / microseconds).toPrecision(2)))}×` : text;
}

function reasons(found) {
  const rejected = found.filter(([, certificate]) => certificate?.certified === false && certificate.reason);
  return rejected.map(([name, { reason }]) => h("p", { class: "quiet" }, `${name} does not serve: ${reason}`));
}
