/** The request of the page as a program would send it; a key is never shown. */

import { address } from "../api.js";
import { byId, fill, h } from "../dom.js";
import { session } from "../session.js";
import { setUpTabs } from "../views.js";

/**
 * @typedef {object} Call
 * @property {string} path
 * @property {any} [json] the body, if it is JSON
 * @property {string} [file] its name, if it is a file of CSV
 */

/** @type {Record<string, (call: Call) => string>} */
export const LANGUAGES = { curl, Python: python, JavaScript: javascript };

/** @type {Call | null} */
let shown = null;
let language = "curl";

/** Show the programs for a call. */
export function showCode(call) {
  shown = call;
  byId("code").hidden = false;
  byId("code-text").textContent = LANGUAGES[language](call);
}

/** Make tabs and the copy button work. */
export function setUpCode() {
  const list = byId("code-tabs");
  fill(list, Object.keys(LANGUAGES).map((name) =>
    h("button", { type: "button", role: "tab", "aria-controls": "code-panel", "data-language": name }, name)));
  const choose = setUpTabs(list, (tab) => {
    language = tab.dataset.language;
    if (shown) showCode(shown);
  });
  choose(list.firstElementChild);
  byId("copy-button").addEventListener("click", copy);
}

async function copy() {
  const button = byId("copy-button");
  try {
    await navigator.clipboard.writeText(byId("code-text").textContent);
    button.textContent = "Copied";
  } catch {
    // Browsers give no clipboard to pages without TLS: the text is selected instead.
    getSelection().selectAllChildren(byId("code-text"));
    button.textContent = "Selected: press Ctrl+C";
  }
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

function curl({ path, json, file }) {
  const lines = [`curl '${address(path)}'`];
  if (session.key) lines.push('-H "X-API-Key: $API_KEY"');
  lines.push(`-H 'Content-Type: ${file ? "text/csv" : "application/json"}'`);
  lines.push(file ? `-H 'Accept: application/json' \\\n  --data-binary @${file}` : `-d '${spaced(json).replaceAll("'", "'\\''")}'`);
  return lines.join(" \\\n  ");
}

function python({ path, json, file }) {
  const headers = [session.key && '"X-API-Key": os.environ["API_KEY"]', file && '"Content-Type": "text/csv", "Accept": "application/json"'].filter(Boolean);
  const options = [`    "${address(path)}",`, file ? `    data=open("${file}", "rb"),` : `    json=${literal(json)},`];
  if (headers.length) options.push(`    headers={${headers.join(", ")}},`);
  return [session.key && "import os\n", "import requests\n", "answer = requests.post(", ...options, "    timeout=10,", ")", "answer.raise_for_status()", "print(answer.json())"]
    .filter(Boolean).join("\n");
}

function javascript({ path, json, file }) {
  const headers = [`"Content-Type": "${file ? "text/csv" : "application/json"}"`, file && 'Accept: "application/json"', session.key && '"X-API-Key": key'].filter(Boolean);
  const body = file ? "csv" : `JSON.stringify(${spaced(json)})`;
  return `const answer = await fetch("${address(path)}", {\n  method: "POST",\n  headers: { ${headers.join(", ")} },\n  body: ${body},\n});\nif (!answer.ok) throw new Error((await answer.json()).error);\nconsole.log(await answer.json());`;
}

/** JSON with blanks, at which lines may end. */
const spaced = (json) => JSON.stringify(json, null, 1).replace(/\n */g, " ");

/** JSON as Python writes it; texts are the same in both. */
function literal(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${literal(each)}`).join(", ")}}`;
  return JSON.stringify(value);
}
