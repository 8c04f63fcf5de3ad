/** The traffic split: a share of the clients for a challenger, and how it does beside the champion. */

import { withModel } from "../api.js";
import { confirmed } from "../dialogs.js";
import { byId, fill, h } from "../dom.js";
import { duration, percent, short, whole } from "../numbers.js";

const MODES = { off: "off", canary: "canary: a share of the clients", shadow: "shadow: only compared" };

/** Show the split's form and the comparison of its versions; `run` sends a change. */
export function showSplit(overview, comparison, run) {
  const challengers = overview.versions.map(({ version }) => version).filter((version) => version !== overview.active);
  if (!challengers.length) return void fill(byId("split"));
  fill(byId("split"), h("h2", {}, "Traffic split"), now(comparison.routing), form(challengers, comparison.routing, run), table(comparison));
}

function now(routing) {
  const { mode, challenger, percent: share, shares, ended } = routing;
  const of = { canary: `${challenger} answers ${short(share ?? 0)} % of the clients.`, shadow: `${challenger} predicts in the shadow.` };
  of.ab = Object.entries(shares ?? {}).map(([version, each]) => `${version} answers ${short(each)} %`).join(", ") + ".";
  const why = ended?.reason ? ` The last one was ended: ${ended.reason}` : "";
  return h("p", { id: "split-now" }, of[mode] ?? `The champion answers everybody.${why}`);
}

function form(challengers, routing, run) {
  const challenger = h("select", { id: "split-challenger" }, challengers.map((each) => h("option", { value: each, selected: each === routing.challenger }, each)));
  const mode = h("select", { id: "split-mode" }, Object.entries(MODES).map(([name, text]) => h("option", { value: name, selected: name === routing.mode }, text)));
  const slider = h("input", { id: "split-percent", type: "range", min: 1, max: 100, step: 1, value: routing.percent ?? 10 });
  const output = h("output", { for: "split-percent" });
  const row = h("p", {}, h("label", { for: "split-percent" }, "Share of the clients"), slider, output);

  function refresh() {
    output.textContent = `${slider.value} %`;
    row.hidden = mode.value !== "canary";
    challenger.disabled = mode.value === "off";
  }

  async function apply(event) {
    event.preventDefault();
    const wanted = { off: { mode: "off" }, shadow: { mode: "shadow", challenger: challenger.value }, canary: { mode: "canary", challenger: challenger.value, percent: Number(slider.value) } }[mode.value];
    const text = { off: "The champion answers everybody again.", shadow: `${challenger.value} predicts along for comparison.`, canary: `${challenger.value} answers ${slider.value} % of the clients.` }[mode.value];
    if (await confirmed("Change the traffic split?", text, "Apply")) await run("Changing the traffic split…", "The traffic split is in force.", withModel("api/models/routing", { wait: "true" }), wanted);
  }

  slider.addEventListener("input", refresh);
  mode.addEventListener("change", refresh);
  refresh();
  return h("form", { id: "split-form", class: "inline", on: { submit: apply } },
    h("p", {}, h("label", { for: "split-mode" }, "Mode"), mode),
    h("p", {}, h("label", { for: "split-challenger" }, "Challenger"), challenger),
    row,
    h("p", {}, h("button", { class: "primary" }, "Apply")));
}

function table({ champion, versions, routing }) {
  const names = Object.keys(versions).filter((name) => name === champion || name === routing.challenger || name in (routing.shares ?? {}));
  if (routing.mode === "off" || !names.length) return null;
  const lines = [
    ["Rows", (each) => whole(each.rows)],
    ["Requests", (each) => whole(each.requests)],
    ["Errors", (each) => `${whole(each.errors)} · ${percent(each.error_rate)}`],
    ["Mean time per row", (each) => duration(each.avg_response_time)],
    ["95 % within", (each) => duration(each.p95_response_time)],
    ["In the shadow: disagreed", (each) => (each.shadow?.disagreement === null ? "–" : percent(each.shadow?.disagreement ?? 0))],
    ["Labels", (each) => Object.entries(each.labels ?? {}).slice(0, 4).map(([label, share]) => `${label} ${percent(share, 0)}`).join(", ") || "–"],
  ];
  return h("div", { class: "scroll", role: "region", "aria-label": "Comparison", tabindex: 0 },
    h("table", {},
      h("caption", {}, "Since the start of the service; requests while a split is in force"),
      h("thead", {}, h("tr", {}, h("td"), names.map((name) => h("th", { scope: "col" }, name, h("small", {}, name === champion ? " champion" : " challenger"))))),
      h("tbody", {}, lines.map(([title, text]) => h("tr", {}, h("th", { scope: "row" }, title), names.map((name) => h("td", {}, text(versions[name]))))))));
}
