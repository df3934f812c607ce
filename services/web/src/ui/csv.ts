/** Tables as files: CSV (RFC 4180) that a spreadsheet opens and does not run. */

type Cell = string | number | boolean | null | undefined;

// A spreadsheet takes text that begins so for a formula; names come from anybody.
const FORMULA = /^[=+\-@\t\r]/;

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return "";
  if (typeof cell !== "string") return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(heads: readonly string[], rows: Iterable<readonly Cell[]>): string {
  const lines = [heads.map(cellText).join(",")];
  for (const row of rows) lines.push(row.map(cellText).join(","));
  return `${lines.join("\r\n")}\r\n`;
}

/** Gives the browser a file to keep. */
export function keepFile(name: string, content: string | Blob, type = "text/csv;charset=utf-8") {
  const file = typeof content === "string" ? new Blob([content], { type }) : content;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
