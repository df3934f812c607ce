/** What a chart shows, as CSV (RFC 4180): a row for each sample or bucket. Pure. */

export interface CsvRow {
  readonly device: string;
  readonly tag: string;
  readonly unit: string;
  readonly atMs: number;
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly quality: number;
}

const QUALITY = ["good", "uncertain", "bad"];

export function csvOf(rows: readonly CsvRow[]): string {
  const head = ["device", "tag", "unit", "at", "value", "low", "high", "quality"];
  const lines = rows.map(({ device, tag, unit, atMs, value, low, high, quality }) =>
    [
      device,
      cell(tag),
      cell(unit),
      new Date(atMs).toISOString(),
      value ?? "",
      low ?? "",
      high ?? "",
      QUALITY[quality] ?? "",
    ].join(","),
  );
  return `${[head.join(","), ...lines].join("\r\n")}\r\n`;
}

/** Quoted where needed; what a spreadsheet would take for a formula is made text. */
function cell(text: string): string {
  const plain = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** The command that exports all of it: see how-to "Read and export history". */
export function exportCommand(
  device: string,
  tags: readonly string[],
  fromMs: number,
  toMs: number,
): string {
  const named = tags.map((tag) => ` --tag ${quoted(tag)}`).join("");
  const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
  return `heddle telemetry export --device ${device}${named} --from ${from} --to ${to} -o ${device}.csv`;
}

function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
