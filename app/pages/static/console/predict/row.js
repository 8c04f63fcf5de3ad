/** Prediction of one row: the form sends it, and shows the answer, the reasons and the code. */

import { call, predictionPath } from "../api.js";
import { byId, fill, h } from "../dom.js";
import { failureBlock } from "../failures.js";
import { showAnswer } from "./answer.js";
import { showCode } from "./code.js";
import { explanationBlock } from "./explanation.js";
import { clearRow, complain, readRow, setUpForm, writeExample } from "./form.js";

const EXPLAINED = 10; // columns that are named

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

async function predict(wanted) {
  const body = { features: readRow(), ...wanted };
  const path = predictionPath("predict");
  const started = performance.now();
  fill(byId("why"));
  showCode({ path, json: body });
  try {
    const answer = await call(path, { method: "POST", json: body });
    complain([]);
    showAnswer(byId("answer"), answer, performance.now() - started);
    bringIntoView(byId("answer"));
    if (answer.result.explanation) fill(byId("why"), explanationBlock(answer.result.explanation));
  } catch (failure) {
    refuse(failure, wanted);
  }
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
  const invalid = failure.status === 400;
  complain(invalid ? failure.errors : []);
  fill(byId("answer"), invalid ? h("p", { class: "failure" }, h("strong", {}, "Not predicted: "), invalidText(failure)) : failureBlock(failure, "predict"));
}

function invalidText(failure) {
  const number = failure.errors.length;
  if (!number) return failure.message;
  return number === 1 ? "one value is wrong, and marked in the row." : `${number} values are wrong, and marked in the row.`;
}
