/**
 * What may be done about an alarm, and in which state (ISA-18.2): every such rule of the page.
 *
 * The server has the last word; here is decided what is worth offering. A hidden alarm
 * shows only what hides it, so what lies beneath cannot be acknowledged or reset.
 */

import {
  ACKNOWLEDGE_ALARMS,
  type AlarmCommand,
  type AlarmReport,
  type AlarmState,
  type AlarmsMoved,
  COMMENT_ALARMS,
  type Procedure,
  RESET_ALARMS,
  RETURN_ALARMS_TO_SERVICE,
  SHELVE_ALARMS,
  SUPPRESS_ALARMS,
  TAKE_ALARMS_OUT_OF_SERVICE,
  UNSHELVE_ALARMS,
  UNSUPPRESS_ALARMS,
} from "../contract";

/** Somebody is to look at it and say so. */
export const UNSEEN: ReadonlySet<AlarmState> = new Set<AlarmState>([
  "unacknowledged",
  "returned",
  "latched_unacknowledged",
]);

/** Taken from sight, by a person or by the plant's logic. */
export const HIDDEN: ReadonlySet<AlarmState> = new Set<AlarmState>([
  "shelved",
  "suppressed",
  "out_of_service",
]);

export const DEEDS = [
  "acknowledge",
  "shelve",
  "comment",
  "reset",
  "suppress",
  "out_of_service",
  "unshelve",
  "unsuppress",
  "return_to_service",
] as const;
export type Deed = (typeof DEEDS)[number];

export const PROCEDURES: Readonly<Record<Deed, Procedure<AlarmCommand, AlarmsMoved>>> = {
  acknowledge: ACKNOWLEDGE_ALARMS,
  shelve: SHELVE_ALARMS,
  unshelve: UNSHELVE_ALARMS,
  suppress: SUPPRESS_ALARMS,
  unsuppress: UNSUPPRESS_ALARMS,
  out_of_service: TAKE_ALARMS_OUT_OF_SERVICE,
  return_to_service: RETURN_ALARMS_TO_SERVICE,
  reset: RESET_ALARMS,
  comment: COMMENT_ALARMS,
};

/** Hiding is answered for: it needs a reason. */
export const needsReason = (deed: Deed): boolean =>
  deed === "shelve" || deed === "suppress" || deed === "out_of_service" || deed === "comment";

type Standing = Pick<AlarmReport, "state" | "kind">;

/** Whether the deed makes sense for an alarm that stands so. */
export function fits(deed: Deed, { state, kind }: Standing): boolean {
  switch (deed) {
    case "acknowledge":
      return UNSEEN.has(state);
    case "comment":
      return true;
    case "reset":
      return state === "latched_acknowledged";
    case "unshelve":
      return state === "shelved";
    case "unsuppress":
      return state === "suppressed";
    case "return_to_service":
      return state === "out_of_service";
    default:
      // Told of by a run's ALERT, without a rule: nobody judges it, so nothing hides it.
      return kind !== null && state !== "normal" && !HIDDEN.has(state);
  }
}

/** The deeds that make sense for any of them, in the order in which they are offered. */
export function fitting(alarms: readonly Standing[]): readonly Deed[] {
  return DEEDS.filter((deed) => alarms.some((alarm) => fits(deed, alarm)));
}

/** One command for each device, of those that the deed fits; a device takes all or none. */
export function commandsFor(
  deed: Deed,
  alarms: readonly AlarmReport[],
  comment: string,
  untilMs: number | null,
): readonly AlarmCommand[] {
  const names = new Map<string, string[]>();
  for (const one of alarms) {
    if (fits(deed, one)) names.set(one.device, [...(names.get(one.device) ?? []), one.alarm]);
  }
  return [...names].map(([device, found]) => ({
    device,
    alarms: found,
    comment,
    ...(deed === "shelve" ? { until_ms: untilMs } : {}),
  }));
}
