/** Prediction of one row: the form sends it, and shows the answer, the reasons and the code. */

import { call, predictionPath } from "../api.js";
import { byId, fill, h } from "../dom.js";
import { failureBlock } from "../failures.js";
import { showAnswer } from "./answer.js";
import { showCode } from "./code.js";
import { explanationBlock } from "./explanation.js";
import { buildForm, clearRow, complain, readRow, setUpForm, writeExample } from "./form.js";

const EXPLAINED = 10; // columns that are named

let newest = 0; // number of the last request: answers to earlier ones come too late

/** Make the form and its buttons work. */
export function setUpRow() {
  setUpForm();
  byId("row-form").addEventListener("submit", (event) => {
    event.preventDefault();
    predict({});
  });
  byId("explain-button").addEventListener("click", () => predict({ explain: EXPLAINED }));
  byId("example-button").addEventListener("click", writeExample);
  byId("clear-button").addEventListener("click", clearRow);
}

/** Show the form of a model or version, and at once an answer: to its example, or to what was typed before. */
export function showRow(info) {
  const typed = buildForm(info);
  if (typed) return void predict({}, { asked: false });
  writeExample();
  // Trees take a second for their first explanation, which is for whoever asks.
  predict(info.explains === "linear" ? { explain: EXPLAINED } : {}, { asked: false, note: "The row is an example from the training data." });
}

/** Predict the row of the form; what nobody asked for neither moves the page nor complains about the row. */
async function predict(wanted, { asked = true, note = "" } = {}) {
  const mine = (newest += 1);
  byId("answer").setAttribute("aria-busy", "true");
  const body = { features: readRow(), ...wanted };
  const path = predictionPath("predict");
  const started = performance.now();
  fill(byId("why"), wanted.explain && asked && h("p", { class: "quiet" }, "Explaining: the first time, trees take a few seconds…"));
  showCode({ path, json: body });
  try {
    const answer = await call(path, { method: "POST", json: body });
    if (mine !== newest) return;
    complain([]);
    showAnswer(byId("answer"), answer, performance.now() - started, note);
    if (asked) bringIntoView(byId("answer"));
    fill(byId("why"), answer.result.explanation && explanationBlock(answer.result.explanation));
  } catch (failure) {
    if (mine === newest && (asked || failure.status !== 400)) await refuse(failure, wanted);
    else if (mine === newest && wanted.explain) await predict({}, { asked, note });
  }
  if (mine === newest) byId("answer").removeAttribute("aria-busy");
}

/** On a phone the answer is below the form. */
function bringIntoView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  if (top > innerHeight - 60 || bottom < 0) element.scrollIntoView({ block: "start" });
}

/** Where only the explanation is refused, the prediction is shown without it. */
async function refuse(failure, wanted) {
  if (!("errors" in failure)) throw failure;
  const about = failure.errors.find((error) => error.field === "explain");
  if (about && wanted.explain) {
    await predict({});
    fill(byId("why"), h("p", { class: "unexplained" }, h("strong", {}, "No explanation: "), `${about.reason}.`.replace("..", ".")));
    return;
  }
  fill(byId("why"));
  const invalid = failure.status === 400;
  complain(invalid ? failure.errors : []);
  fill(byId("answer"), invalid ? h("p", { class: "failure" }, h("strong", {}, "Not predicted: "), invalidText(failure)) : failureBlock(failure, "predict"));
}

function invalidText(failure) {
  const number = failure.errors.length;
  if (!number) return failure.message;
  return number === 1 ? "one value is wrong, and marked in the row." : `${number} values are wrong, and marked in the row.`;
}
