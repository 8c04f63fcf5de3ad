/** The traffic split: a share of the clients for a challenger, and how it does beside the champion. */

import { withModel } from "../api.js";
import { confirmed } from "../dialogs.js";
import { byId, fill, h } from "../dom.js";
import { duration, percent, short, whole } from "../numbers.js";

const MODES = { off: "off", canary: "canary: a share of the clients", ab: "A/B: a share for each version", shadow: "shadow: only compared" };

/** Show the split's form and the comparison of its versions; `run` sends a change. */
export function showSplit(overview, comparison, run) {
  const challengers = overview.versions.map(({ version }) => version).filter((version) => version !== overview.active);
  if (!challengers.length) return void fill(byId("split"));
  fill(byId("split"), h("h2", {}, "Traffic split"), now(comparison.routing), form(overview.active, challengers, comparison.routing, run), table(comparison));
}

function shareText(shares, champion) {
  const parts = Object.entries(shares).map(([version, share]) => `${version} answers ${short(share)} %`);
  const left = 100 - Object.values(shares).reduce((sum, share) => sum + share, 0);
  return `${[...parts, left > 0 && `${champion} ${short(left)} %`].filter(Boolean).join(", ")} of the clients.`;
}

function now(routing) {
  const { mode, challenger, percent: share, shares, ended } = routing;
  const of = { canary: `${challenger} answers ${short(share ?? 0)} % of the clients.`, shadow: `${challenger} predicts in the shadow.` };
  of.ab = shareText(shares ?? {}, "the champion");
  const why = ended?.reason ? ` The last one was ended: ${ended.reason}` : "";
  return h("p", { id: "split-now" }, of[mode] ?? `The champion answers everybody.${why}`);
}

function form(champion, challengers, routing, run) {
  const challenger = h("select", { id: "split-challenger" }, challengers.map((each) => h("option", { value: each, selected: each === routing.challenger }, each)));
  const mode = h("select", { id: "split-mode" }, Object.entries(MODES).map(([name, text]) => h("option", { value: name, selected: name === routing.mode }, text)));
  const slider = h("input", { id: "split-percent", type: "range", min: 1, max: 100, step: 1, value: routing.percent ?? 10 });
  const output = h("output", { for: "split-percent" });
  const shares = sharesOf(champion, challengers, routing.shares ?? {});
  const rows = {
    challenger: h("p", {}, h("label", { for: "split-challenger" }, "Challenger"), challenger),
    percent: h("p", {}, h("label", { for: "split-percent" }, "Share of the clients"), slider, output),
    shares: shares.element,
  };

  function refresh() {
    output.textContent = `${slider.value} %`;
    rows.challenger.hidden = mode.value === "off" || mode.value === "ab";
    rows.percent.hidden = mode.value !== "canary";
    rows.shares.hidden = rows.shares.disabled = mode.value !== "ab"; // what is disabled need not be valid
  }

  /** What is asked for, and what it does in words. */
  function wanted() {
    const name = challenger.value;
    return {
      off: () => [{}, "The champion answers everybody again."],
      shadow: () => [{ challenger: name }, `${name} predicts along for comparison.`],
      canary: () => [{ challenger: name, percent: Number(slider.value) }, `${name} answers ${slider.value} % of the clients.`],
      ab: () => [{ shares: shares.read() }, shareText(shares.read(), champion)],
    }[mode.value]();
  }

  async function apply(event) {
    event.preventDefault();
    const [change, text] = wanted();
    if (!(await confirmed("Change the traffic split?", text, "Apply"))) return;
    await run("Changing the traffic split…", "The traffic split is in force.", withModel("api/models/routing", { wait: "true" }), { json: { mode: mode.value, ...change } });
  }

  slider.addEventListener("input", refresh);
  mode.addEventListener("change", refresh);
  refresh();
  return h("form", { id: "split-form", class: "inline", on: { submit: apply } },
    h("p", {}, h("label", { for: "split-mode" }, "Mode"), mode),
    Object.values(rows),
    h("p", {}, h("button", { class: "primary" }, "Apply")));
}

/** A field for the share of each challenger, in percent; the champion has what is left. */
function sharesOf(champion, challengers, shares) {
  const inputs = challengers.map((version, at) => h("input", { id: `split-share-${at}`, type: "number", min: 0, max: 100, step: "any", value: shares[version] ?? (at ? 0 : 50) }));
  const left = h("output", {});
  const read = () => Object.fromEntries(challengers.map((version, at) => [version, Number(inputs[at].value)]).filter(([, share]) => share));

  function refresh() {
    const sum = inputs.reduce((total, input) => total + Number(input.value), 0);
    left.textContent = `${short(100 - sum)} %`;
    inputs[0].setCustomValidity(sum > 100 ? "All shares together are more than 100 %." : sum <= 0 ? "No version has a share." : "");
  }

  const element = h("fieldset", { class: "shares" }, h("legend", {}, "Share of the clients in %"),
    challengers.map((version, at) => h("p", {}, h("label", { for: inputs[at].id }, version), inputs[at])),
    h("p", {}, h("span", {}, `${champion}, the champion`), left));
  element.addEventListener("input", refresh);
  refresh();
  return { element, read };
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
