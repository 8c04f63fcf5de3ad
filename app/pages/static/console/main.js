/** The console: asks what the service serves, and gives it to the parts of the page. */

import { call, withModel } from "./api.js";
import { setUpKeys } from "./dialogs.js";
import { byId, fill } from "./dom.js";
import { showFailure } from "./failures.js";
import { startHeartbeat } from "./heartbeat.js";
import { change, onChange, session } from "./session.js";
import { currentView, setUpTabs, setUpViews } from "./views.js";
import { showCard } from "./model/card.js";
import { nameModels, showVersions } from "./model/versions.js";
import { setUpBatch } from "./predict/batch.js";
import { setUpCode } from "./predict/code.js";
import { setUpRow, showRow } from "./predict/row.js";
import { setUpTraffic, showTraffic } from "./traffic/traffic.js";

/** What the page shows is for this model and version; null where nothing is known. */
let known = null;
let described = null; // the model that the description is of
let asked = "";
let failing = false;
let patience = 0; // when to ask again after a limit, in ms since 1970
let ready = false; // once it is known whether there is a model

/** Ask for the model that serves, and show it or why there is none. */
async function describe() {
  const { model } = session;
  try {
    const info = await call(withModel("api/model/info"));
    if (model !== session.model) return; // another one was chosen meanwhile
    described = model;
    failing = false;
    ready = true;
    document.body.classList.remove("failing", "gone");
    showFailure(byId("notice"), null);
    change({ info });
  } catch (failure) {
    fail(failure);
  }
}

function fail(failure) {
  if (!("status" in failure)) throw failure;
  failing = true;
  ready = true;
  patience = failure.status === 429 ? Date.now() + 1000 * (failure.retryAfter ?? 1) : 0;
  showFailure(byId("notice"), failure, "predict");
  document.body.classList.add("failing");
  document.body.classList.toggle("gone", failure.status === 0);
  byId("serving").textContent = failure.status === 0 ? "no answer" : "no model to show";
  if (failure.status !== 0 && failure.status !== 429) change({ info: null });
}

/** Take over what the session says: another key or model is asked for anew, another version is shown. */
function changed() {
  const wanted = `${session.model ?? ""} ${session.key ?? ""}`;
  if (wanted !== asked) {
    asked = wanted;
    describe();
  }
  const { info } = session;
  const version = info && `${described ?? ""} ${info.metadata.version}`;
  if (version !== known) {
    known = version;
    if (info) showRow(info);
    else fill(byId("fields"));
    showCard(info);
  }
  for (const id of ["predict-button", "explain-button", "example-button", "batch-button", "csv-example"]) byId(id).disabled = !info;
  byId("sides").hidden = ready && !info; // the notice says why
  if (info) {
    byId("serving").textContent = `${info.model_type}, ${info.metadata.version}, on ${info.metadata.engine}`;
  }
  shown(currentView());
}

function shown(view) {
  if (!ready) return;
  if (view === "model") showVersions();
  showTraffic(view === "traffic");
}

function setUpInput() {
  const panels = { "row-tab": byId("row-panel"), "batch-tab": byId("batch-panel") };
  setUpTabs(byId("row-tab").parentElement, (tab) => {
    for (const [id, panel] of Object.entries(panels)) panel.hidden = id !== tab.id;
    byId("batch-answer").hidden = tab.id !== "batch-tab";
  });
}

function setUpChooser() {
  const name = byId("model-name");
  const chosen = new URLSearchParams(location.search).get("model");
  if (chosen && chosen !== "default") {
    name.value = chosen;
    session.model = chosen;
  }
  const choose = () => {
    const typed = name.value.trim();
    const model = typed === "" || typed === "default" ? null : typed;
    name.value = model ?? "default";
    if (model !== session.model) change({ model });
  };
  byId("chooser").addEventListener("submit", (event) => {
    event.preventDefault();
    choose();
  });
  name.addEventListener("change", choose);
  // The names need the scope admin; others type one.
  name.addEventListener("focus", () => call("api/models").then(({ models }) => nameModels(models), () => {}));
}

/** A version that others activated, or a service that is back, is shown without being asked for. */
function beaten(health) {
  const another = !session.model && session.info && health.model_version !== session.info.metadata.version;
  if ((failing || another) && Date.now() >= patience) describe();
}

function missed(failure) {
  if (failure.status === 0) fail(failure);
  else if (failing && document.body.classList.contains("gone")) describe();
  else if (failure.status === 503 && session.info && !session.model) describe();
}

setUpInput();
setUpRow();
setUpBatch();
setUpCode();
setUpKeys();
setUpChooser();
setUpTraffic();
onChange(changed);
setUpViews(shown);
changed();
startHeartbeat(beaten, missed);
