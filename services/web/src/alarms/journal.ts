/** The journal: which transitions are wanted, and how fast they were acknowledged. */

import type { AlarmEntry, AlarmSeverity } from "../contract";
import { severityOf } from "./severity";

/** What people look for, each with the causes that count as it. */
export const HAPPENINGS = {
  announced: ["raised", "re_alarmed"],
  cleared: ["cleared"],
  acknowledged: ["acknowledged", "reset"],
  hidden: ["shelved", "suppressed", "taken_out_of_service"],
  unhidden: ["unshelved", "shelving_expired", "unsuppressed", "returned_to_service"],
  commented: ["commented"],
  rules: ["changed", "removed", "reconciled"],
} as const;
export type Happening = keyof typeof HAPPENINGS;

export interface JournalFilters {
  readonly severity: AlarmSeverity | null;
  readonly happening: Happening | null;
}

export function wanted(
  entries: readonly AlarmEntry[],
  { severity, happening }: JournalFilters,
): readonly AlarmEntry[] {
  const causes: readonly string[] | null = happening ? HAPPENINGS[happening] : null;
  return entries.filter(
    ({ transition }) =>
      (!severity || severityOf(transition.severity) === severity) &&
      (!causes || causes.includes(transition.cause)),
  );
}

const CALLING: readonly string[] = HAPPENINGS.announced;

/**
 * How long each call waited to be acknowledged, in ms. Entries come newest first, as the
 * journal gives them; a call still waiting does not count.
 */
export function answerTimes(entries: readonly AlarmEntry[]): readonly number[] {
  const calledAtUs = new Map<string, number>();
  const found: number[] = [];
  for (const { device, transition } of [...entries].reverse()) {
    const key = `${device}/${transition.alarm}`;
    const since = calledAtUs.get(key);
    if (CALLING.includes(transition.cause) && transition.after === "unacknowledged") {
      if (since === undefined) calledAtUs.set(key, transition.at_us);
    } else if (transition.cause === "acknowledged" && since !== undefined) {
      found.push((transition.at_us - since) / 1000);
      calledAtUs.delete(key);
    } else if (["shelved", "suppressed", "taken_out_of_service"].includes(transition.cause)) {
      calledAtUs.delete(key); // hidden unanswered: no answer to be timed
    }
  }
  return found;
}

/** The value that `share` of them do not exceed; null of none. */
export function quantile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
}
