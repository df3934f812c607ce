/** Rules as a form has them: which fields a kind has, text to rule and back, flaws by field. */

import type { AlarmKind, AlarmPlace, AlarmRule, AlarmSeverity } from "../contract";
import { ERRORS } from "../contract";
import { FleetError } from "../wamp/errors";

export const KINDS: readonly AlarmKind[] = [
  "hihi",
  "hi",
  "lo",
  "lolo",
  "deviation",
  "rate",
  "boolean",
  "stale",
  "quality",
];

/** What stands in the fields; numbers as text, times in seconds. */
export interface Draft {
  readonly device: string;
  readonly alarm: string;
  readonly tag: string;
  readonly kind: AlarmKind;
  readonly place: AlarmPlace;
  readonly limit: string;
  readonly setpoint: string;
  readonly deadband: string;
  readonly when: boolean;
  readonly after: string;
  readonly uncertain: boolean;
  readonly onDelay: string;
  readonly offDelay: string;
  readonly reAlarm: string;
  readonly severity: AlarmSeverity;
  readonly latching: boolean;
  readonly group: string;
  readonly text: string;
}

export const EMPTY: Draft = {
  device: "",
  alarm: "",
  tag: "",
  kind: "hi",
  place: "centre",
  limit: "",
  setpoint: "",
  deadband: "",
  when: true,
  after: "60",
  uncertain: false,
  onDelay: "",
  offDelay: "",
  reAlarm: "",
  severity: "medium",
  latching: false,
  group: "",
  text: "",
};

type Own = "limit" | "setpoint" | "deadband" | "when" | "after" | "uncertain" | "delays";

const OF_LIMIT: readonly Own[] = ["limit", "deadband", "delays"];
const OWN: Readonly<Record<AlarmKind, readonly Own[]>> = {
  hihi: OF_LIMIT,
  hi: OF_LIMIT,
  lo: OF_LIMIT,
  lolo: OF_LIMIT,
  rate: OF_LIMIT,
  deviation: ["setpoint", ...OF_LIMIT],
  boolean: ["when", "delays"],
  stale: ["after"],
  quality: ["uncertain", "delays"],
};

export const has = (kind: AlarmKind, field: Own): boolean => OWN[kind].includes(field);

const numberOf = (text: string): number | null =>
  text.trim() === "" ? null : Number(text.trim().replace(",", "."));
const msOf = (text: string): number => Math.round((numberOf(text) ?? 0) * 1000);
const textOf = (value: number | null): string => (value === null ? "" : String(value));
const secondsOf = (ms: number): string => (ms === 0 ? "" : String(ms / 1000));

export type Flaws = Readonly<Partial<Record<keyof AlarmRule, string>>>;

/** What the server cannot be told at all; it finds the rest. */
export function unreadable(draft: Draft, sentence: string): Flaws {
  const found: { -readonly [Field in keyof AlarmRule]?: string } = {};
  const read = (field: keyof AlarmRule, text: string) => {
    if (Number.isNaN(numberOf(text) ?? 0)) found[field] = sentence;
  };
  if (has(draft.kind, "limit")) read("limit", draft.limit);
  if (has(draft.kind, "deadband")) read("deadband", draft.deadband);
  if (has(draft.kind, "setpoint")) read("setpoint", draft.setpoint);
  if (has(draft.kind, "after")) read("after_ms", draft.after);
  if (has(draft.kind, "delays")) read("on_delay_ms", draft.onDelay);
  if (has(draft.kind, "delays")) read("off_delay_ms", draft.offDelay);
  read("re_alarm_ms", draft.reAlarm);
  return found;
}

/** The rule; fields that its kind does not have are left out. */
export function ruleOf(draft: Draft): AlarmRule {
  const { kind } = draft;
  const only = <Value>(field: Own, value: Value): Value | null => (has(kind, field) ? value : null);
  const delays = has(kind, "delays");
  return {
    device: draft.device.trim(),
    alarm: draft.alarm.trim(),
    tag: draft.tag.trim(),
    kind,
    place: draft.place,
    limit: only("limit", numberOf(draft.limit)),
    setpoint: only("setpoint", numberOf(draft.setpoint)),
    deadband: only("deadband", numberOf(draft.deadband)),
    when: only("when", draft.when),
    after_ms: only("after", numberOf(draft.after) === null ? null : msOf(draft.after)),
    uncertain: only("uncertain", draft.uncertain),
    on_delay_ms: delays ? msOf(draft.onDelay) : 0,
    off_delay_ms: delays ? msOf(draft.offDelay) : 0,
    re_alarm_ms: msOf(draft.reAlarm),
    severity: draft.severity,
    latching: draft.latching,
    group: draft.group.trim(),
    text: draft.text.trim(),
  };
}

export function draftOf(rule: AlarmRule): Draft {
  return {
    device: rule.device,
    alarm: rule.alarm,
    tag: rule.tag,
    kind: rule.kind,
    place: rule.place,
    limit: textOf(rule.limit),
    setpoint: textOf(rule.setpoint),
    deadband: textOf(rule.deadband),
    when: rule.when ?? true,
    after: rule.after_ms === null ? "" : secondsOf(rule.after_ms),
    uncertain: rule.uncertain ?? false,
    onDelay: secondsOf(rule.on_delay_ms),
    offDelay: secondsOf(rule.off_delay_ms),
    reAlarm: secondsOf(rule.re_alarm_ms),
    severity: rule.severity,
    latching: rule.latching,
    group: rule.group,
    text: rule.text,
  };
}

/** The server's flaws, by field; null where the refusal was about something else. */
export function flawsOf(error: unknown): Flaws | null {
  if (!(error instanceof FleetError) || error.uri !== ERRORS.AlarmRulesInvalid) return null;
  const listed = error.details.flaws;
  const found: Record<string, string> = {};
  for (const flaw of Array.isArray(listed) ? listed : []) {
    const { field, message } = flaw as { field?: unknown; message?: unknown };
    const name = String(field ?? "");
    found[name] = found[name] ? `${found[name]}; ${String(message)}` : String(message);
  }
  return found as Flaws;
}
