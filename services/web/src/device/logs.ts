/** A device's log as lines to show and to copy. Pure. */

import type { LogLine } from "../contract";

const TAILS = [200, 600, 2_000] as const; // 2000 is the most that a device tells

export const FIRST_TAIL: number = TAILS[0];
export const LAST_TAIL: number = TAILS[TAILS.length - 1] as number;

/** How many lines to ask for to see older ones; null: there is no asking for more. */
export function longerTail(tail: number): number | null {
  return TAILS.find((one) => one > tail) ?? null;
}

/** Those with all the words in them. */
export function fittingLines(lines: readonly LogLine[], search: string): readonly LogLine[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return lines;
  return lines.filter(({ text, origin, level }) => {
    const line = `${level} ${origin} ${text}`.toLowerCase();
    return words.every((word) => line.includes(word));
  });
}

/** The part of the agent without the packages it is in. */
export const shortOrigin = (origin: string): string => origin.split(".").at(-1) ?? origin;

export function logText(lines: readonly LogLine[]): string {
  return lines
    .map(
      ({ at_ms, level, origin, text }) =>
        `${new Date(at_ms).toISOString()} ${level.padEnd(8)} ${origin}: ${text}\n`,
    )
    .join("");
}

/** Each line with a name of its own, which it keeps while lines come and go around it. */
export function named(lines: readonly LogLine[]): readonly (readonly [string, LogLine])[] {
  let [at, same] = [0, 0];
  return lines.map((line) => {
    same = line.at_ms === at ? same + 1 : 0;
    at = line.at_ms;
    return [`${at}/${same}`, line];
  });
}
