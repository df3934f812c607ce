/** Priorities: the wire has OPC UA's 1 to 1000, people have four words. */

import { AlarmSeverity } from "../contract";

/** The most severe first. */
export const SEVERITIES: readonly AlarmSeverity[] = ["critical", "high", "medium", "low"];

const NUMBERS: Readonly<Record<AlarmSeverity, number>> = {
  critical: 900,
  high: 700,
  medium: 500,
  low: 200,
};

/** The priority whose number is nearest. */
export function severityOf(number: number): AlarmSeverity {
  let nearest: AlarmSeverity = AlarmSeverity.LOW;
  for (const one of SEVERITIES) {
    if (Math.abs(NUMBERS[one] - number) < Math.abs(NUMBERS[nearest] - number)) nearest = one;
  }
  return nearest;
}

/** The most severe of them; null of none. */
export function worstOf(numbers: readonly number[]): AlarmSeverity | null {
  return numbers.length > 0 ? severityOf(Math.max(...numbers)) : null;
}
