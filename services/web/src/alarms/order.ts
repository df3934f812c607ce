/**
 * The order of the list: what nobody has seen first, then the most severe, then the newest.
 *
 * While somebody works in the list its rows stay where they are: what is over stays in its
 * place as a ghost, and what is new comes last, until the hands are off it.
 */

import type { AlarmReport } from "../contract";
import { HIDDEN, UNSEEN } from "./deeds";

/** An alarm's name across devices; neither part has a slash. */
export const keyOf = ({ device, alarm }: Pick<AlarmReport, "device" | "alarm">): string =>
  `${device}/${alarm}`;

const rankOf = ({ state }: AlarmReport) => (HIDDEN.has(state) ? 2 : UNSEEN.has(state) ? 0 : 1);
const timeOf = ({ raised_at_ms, since_ms }: AlarmReport) => raised_at_ms ?? since_ms;

export function byUrgency(one: AlarmReport, other: AlarmReport): number {
  return (
    rankOf(one) - rankOf(other) ||
    other.severity - one.severity ||
    timeOf(other) - timeOf(one) ||
    (keyOf(one) < keyOf(other) ? -1 : 1)
  );
}

export interface Row {
  readonly alarm: AlarmReport;
  readonly isGone: boolean; // normal by now, or filtered out: shown only to keep the places
  readonly isNew: boolean; // came while the order was held
}

/** The rows to show; `former` are those shown before, `isHeld`: they keep their places. */
export function arrange(
  former: readonly Row[],
  alarms: readonly AlarmReport[],
  isHeld: boolean,
): readonly Row[] {
  const sorted = [...alarms].sort(byUrgency);
  if (!isHeld) return sorted.map((alarm) => ({ alarm, isGone: false, isNew: false }));
  const present = new Map(sorted.map((alarm) => [keyOf(alarm), alarm]));
  const kept = former.map(({ alarm, isNew }) => {
    const now = present.get(keyOf(alarm));
    present.delete(keyOf(alarm));
    return { alarm: now ?? alarm, isGone: now === undefined, isNew };
  });
  const fresh = [...present.values()].map((alarm) => ({ alarm, isGone: false, isNew: true }));
  return [...kept, ...fresh];
}

/** Those that call somebody now and did not before: by their keys. */
export function called(
  before: ReadonlySet<string>,
  alarms: readonly AlarmReport[],
): readonly AlarmReport[] {
  return alarms.filter((one) => one.state === "unacknowledged" && !before.has(keyOf(one)));
}

/** The keys of what calls somebody now. */
export const callingKeys = (alarms: readonly AlarmReport[]): ReadonlySet<string> =>
  new Set(alarms.filter(({ state }) => state === "unacknowledged").map(keyOf));
