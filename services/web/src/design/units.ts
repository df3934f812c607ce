/** Durations as people write them, without loss: `1 min 40 s` is 100,000 ms. Pure. */

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;

const NAMES: Readonly<Record<string, number>> = {
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  s: 1_000,
  sec: 1_000,
  second: 1_000,
  seconds: 1_000,
  ms: 1,
};
const TERM = /(\d+(?:[.,]\d+)?)\s*([a-z]*)/giy;

export function durationText(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return String(ms);
  if (ms === 0) return "0 s";
  const terms: string[] = [];
  let left = ms;
  for (const [name, size] of UNITS) {
    const count = size === 1 ? left : Math.floor(left / size);
    left -= count * size;
    if (count > 0) terms.push(`${count} ${name}`);
  }
  return terms.join(" ");
}

/** Milliseconds; a bare number is seconds; null: not a duration. */
export function durationOf(text: string): number | null {
  const written = text.trim();
  if (written === "") return null;
  let ms = 0;
  let place = 0;
  while (place < written.length) {
    TERM.lastIndex = place;
    const term = TERM.exec(written);
    if (!term) return null;
    const size = term[2] ? NAMES[term[2].toLowerCase()] : 1_000;
    if (size === undefined) return null;
    ms += Number(term[1]?.replace(",", ".")) * size;
    place = TERM.lastIndex;
    while (written[place] === " ") place += 1;
  }
  const whole = Math.round(ms);
  return Number.isSafeInteger(whole) ? whole : null;
}
