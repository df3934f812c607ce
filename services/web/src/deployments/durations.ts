/** Durations as the backend writes them, `1h30m`. Pure. */

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds; null for what is no such text. */
export function durationMs(given: string | number | null | undefined): number | null {
  if (typeof given === "number") return given;
  const text = given?.trim() ?? "";
  if (!/^(\s*\d+(\.\d+)?\s*(ms|min|s|m|h|d))+$/.test(text)) return null;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)\s*(ms|min|s|m|h|d)/g)) {
    total += Number(count) * (UNITS_MS[unit ?? ""] ?? 0);
  }
  return total;
}

/** The two greatest units of it: `1h 30m`, `12s`. */
export function durationText(ms: number): string {
  const parts: string[] = [];
  let left = Math.max(0, Math.round(ms / 1000)) * 1000;
  for (const unit of ["d", "h", "m", "s"]) {
    const size = UNITS_MS[unit] ?? 1;
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.slice(0, 2).join(" ") || "0s";
}
