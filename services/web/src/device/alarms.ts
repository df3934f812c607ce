/** How the alarms of each device stand, moved on by transitions. Pure. */

import { HIDDEN, UNSEEN } from "../alarms/deeds";
import type { AlarmEntry, AlarmReport, AlarmSeverity, AlarmState } from "../contract";

/** What there is to know of a device's alarms at a glance. */
export interface DeviceAlarms {
  readonly count: number; // of those that are neither normal nor hidden
  readonly unacknowledged: number;
  readonly worst: number; // severity, 0 to 1000
}

interface Standing {
  readonly state: AlarmState;
  readonly severity: number;
  readonly atMs: number;
}

/** By device, then by alarm. */
export type AlarmStates = ReadonlyMap<string, ReadonlyMap<string, Standing>>;

const US_PER_MS = 1_000;

export const NO_ALARMS: DeviceAlarms = { count: 0, unacknowledged: 0, worst: 0 };

/** From a list of all that are not normal. */
export function statesOf(alarms: readonly AlarmReport[]): AlarmStates {
  const states = new Map<string, Map<string, Standing>>();
  for (const { device, alarm, state, severity, since_ms } of alarms) {
    const of = states.get(device) ?? new Map<string, Standing>();
    states.set(device, of.set(alarm, { state, severity, atMs: since_ms }));
  }
  return states;
}

/** With transitions taken in; what is older than what is known changes nothing. */
export function moved(states: AlarmStates, entries: readonly AlarmEntry[]): AlarmStates {
  if (entries.length === 0) return states;
  const next = new Map(states);
  for (const { device, transition } of entries) {
    const { alarm, after, severity, at_us } = transition;
    const atMs = Math.floor(at_us / US_PER_MS);
    const known = next.get(device);
    if ((known?.get(alarm)?.atMs ?? Number.NEGATIVE_INFINITY) > atMs) continue;
    next.set(device, new Map(known).set(alarm, { state: after as AlarmState, severity, atMs }));
  }
  return next;
}

/** Each device's alarms; one whose states did not change keeps its object. */
export function byDevice(
  states: AlarmStates,
  before: ReadonlyMap<string, DeviceAlarms> = new Map(),
): ReadonlyMap<string, DeviceAlarms> {
  const found = new Map<string, DeviceAlarms>();
  for (const [device, of] of states) {
    const now = summed([...of.values()]);
    const known = before.get(device);
    if (now.count > 0) found.set(device, known && isSame(known, now) ? known : now);
  }
  return found;
}

function summed(all: readonly Standing[]): DeviceAlarms {
  const shown = all.filter(({ state }) => isShown(state));
  return {
    count: shown.length,
    unacknowledged: shown.filter(({ state }) => UNSEEN.has(state)).length,
    worst: Math.max(0, ...shown.map(({ severity }) => severity)),
  };
}

const isSame = (one: DeviceAlarms, other: DeviceAlarms): boolean =>
  one.count === other.count &&
  one.unacknowledged === other.unacknowledged &&
  one.worst === other.worst;

/** ISA-18.2's word for a number of OPC UA's 1 to 1000. */
export function severityWord(severity: number): AlarmSeverity {
  if (severity > 800) return "critical";
  if (severity > 600) return "high";
  return severity > 400 ? "medium" : "low";
}

/** Neither normal nor hidden. */
export const isShown = (state: AlarmState): boolean => state !== "normal" && !HIDDEN.has(state);
