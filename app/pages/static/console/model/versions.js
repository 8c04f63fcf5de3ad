/** Versions of the model for an administrator: activate, verify, roll back, remove. */

import { call, withModel } from "../api.js";
import { confirmed } from "../dialogs.js";
import { byId, fill, h } from "../dom.js";
import { failureBlock } from "../failures.js";
import { bytes, moment, short } from "../numbers.js";
import { change } from "../session.js";
import { showSplit } from "./split.js";

const NUMBERS = new Set(["Size", "Workers"]);
const IN_USE = new Set(["active", "challenger"]); // which the service does not remove
const MARKS = { active: "●", challenger: "◐", available: "○", refused: "✕" };

/** Ask for the versions and show them, or say what is missing. */
export async function showVersions() {
  try {
    const [overview, comparison] = await Promise.all([call(withModel("api/models")), call(withModel("api/models/comparison"))]);
    nameModels(overview.models);
    fill(byId("versions"), table(overview), rollBackButton(overview));
    showSplit(overview, comparison, run);
  } catch (failure) {
    fill(byId("versions"), failureBlock(failure, "admin"));
    fill(byId("split"));
  }
}

/** Suggest the names of all models. */
export function nameModels(models) {
  fill(byId("model-names"), models.map(({ name }) => h("option", { value: name })));
}

function table({ versions }) {
  if (!versions.length) return h("p", {}, "There is no version yet.");
  const heads = ["State", "Version", "Saved", "Model", "Engine", "Quality", "Size", "Workers", ""];
  return h("div", { class: "scroll", role: "region", "aria-label": "Versions", tabindex: 0 },
    h("table", { class: "versions" },
      h("caption", { class: "hidden" }, "Versions"),
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col", class: NUMBERS.has(head) ? "number" : null }, head || h("span", { class: "hidden" }, "Actions"))))),
      h("tbody", {}, versions.map(line))));
}

function line(version) {
  const { version: name, state } = version;
  const quality = Object.entries(version.metrics ?? {}).filter(([, value]) => typeof value === "number")[0];
  const label = (action) => ({ type: "button", "aria-label": `${action} ${name}` });
  return h(
    "tr", { class: state },
    h("td", {}, h("span", { class: "state" }, `${MARKS[state] ?? ""} ${state}`), version.reason && h("small", {}, version.reason)),
    h("th", { scope: "row" }, name, version.signed ? h("small", {}, " signed") : null),
    h("td", {}, version.saved_at ? moment(version.saved_at) : "–"),
    h("td", {}, version.model_type ?? "–"),
    h("td", {}, version.engine ?? "–"),
    h("td", {}, quality ? `${quality[0].replaceAll("_", " ")} ${short(quality[1])}` : "–"),
    h("td", { class: "number" }, version.size === undefined ? "–" : bytes(version.size)),
    h("td", { class: "number" }, String(version.workers)),
    h("td", { class: "buttons" },
      h("button", { ...label("Verify"), on: { click: () => verify(name) } }, "Verify"),
      state !== "active" && h("button", { ...label("Activate"), on: { click: () => activate(name) } }, "Activate"),
      !IN_USE.has(state) && h("button", { ...label("Remove"), on: { click: () => remove(name) } }, "Remove")),
  );
}

function rollBackButton({ versions }) {
  if (versions.length < 2) return null;
  return h("p", { class: "actions" }, h("button", { type: "button", on: { click: rollBack } }, "Roll back to the version before"));
}

async function activate(version) {
  if (!(await confirmed(`Activate ${version}?`, "It is verified first, and then answers all clients, in all workers.", "Activate"))) return;
  await run(`${version} is being activated…`, `${version} is active.`, withModel(`api/models/${encodeURIComponent(version)}/activate`, { wait: "true" }));
}

async function rollBack() {
  if (!(await confirmed("Roll back?", "The version that was active before answers all clients again.", "Roll back"))) return;
  await run("Rolling back…", (answer) => `${answer.version ?? answer.active ?? "The earlier version"} is active again.`, withModel("api/models/rollback", { wait: "true" }));
}

async function remove(version) {
  if (!(await confirmed(`Remove ${version}?`, `${version} is deleted from the store. It cannot be brought back from here.`, `Remove ${version}`))) return;
  await run(`${version} is being removed…`, `${version} is removed.`, withModel(`api/models/${encodeURIComponent(version)}`), { method: "DELETE" });
}

const verify = (version) => run(`${version} is being verified…`, `${version} passes all checks.`, withModel(`api/models/${encodeURIComponent(version)}/verify`));

/** Do something, say how it went, and show how things are now. */
async function run(doing, done, path, { method = "POST", json } = {}) {
  const status = byId("versions-status");
  status.textContent = doing;
  status.focus(); // the button is drawn anew
  try {
    const answer = await call(path, { method, json });
    status.textContent = typeof done === "function" ? done(answer) : done;
  } catch (failure) {
    fill(status, failureBlock(failure, "admin"));
  }
  await refresh();
}

async function refresh() {
  try {
    change({ info: await call(withModel("api/model/info")) });
  } catch {
    await showVersions(); // the reason is shown above the page
  }
}
