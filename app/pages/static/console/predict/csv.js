/** CSV as the page shows it; the service reads the text itself. */

const DELIMITERS = [",", ";", "\t", "|"];

/**
 * The cells of a text, line by line; quotes may hold delimiters, line breaks and doubled quotes.
 * @param {string} text
 * @param {string} delimiter
 * @returns {string[][]}
 */
export function cellsOf(text, delimiter) {
  const rows = [[""]];
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    const row = rows.at(-1);
    if (quoted) {
      if (letter !== '"') row[row.length - 1] += letter;
      else if (text[at + 1] === '"') row[row.length - 1] += text[(at += 1)];
      else quoted = false;
    } else if (letter === '"' && row.at(-1) === "") quoted = true;
    else if (letter === delimiter) row.push("");
    else if (letter === "\n") rows.push([""]);
    else if (letter !== "\r") row[row.length - 1] += letter;
  }
  return rows.filter((row) => row.length > 1 || row[0] !== "");
}

/**
 * A table with or without a header, as the service decides: by the names of the columns.
 * @param {string} text
 * @param {string[]} names of the model's columns
 * @returns {{header: string[], rows: string[][]}}
 */
export function tableOf(text, names) {
  const first = text.slice(0, text.search(/\n|$/));
  const widths = DELIMITERS.map((delimiter) => cellsOf(first, delimiter)[0]?.length ?? 0);
  const fitting = widths.findIndex((width) => width === names.length);
  const rows = cellsOf(text.replace(/^\ufeff/, ""), DELIMITERS[fitting < 0 ? 0 : fitting]);
  const known = new Set(names);
  const headed = rows.length > 0 && rows[0].some((cell) => known.has(cell.trim()));
  return headed ? { header: rows[0].map((cell) => cell.trim()), rows: rows.slice(1) } : { header: names, rows };
}

/** Rows as CSV with a header. */
export function csvOf(header, rows) {
  const quote = (cell) => (/[",\n\r;\t|]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return [header, ...rows].map((row) => row.map((cell) => quote(cell === null || cell === undefined ? "" : String(cell))).join(",")).join("\n");
}
