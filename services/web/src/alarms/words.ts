/** Alarms and rules in words. */

import type { AlarmReport, AlarmRule } from "../contract";
import { t } from "../texts";

/** A number as short as it may be. */
export function numberText(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return String(Number(value.toFixed(size < 1 ? 4 : size < 1000 ? 2 : 1)));
}

/** When the rule alarms, e.g. `≥ 39`. */
export function conditionText(rule: AlarmRule | undefined): string {
  const words = t.alarms.condition;
  switch (rule?.kind) {
    case undefined:
      return "–";
    case "hihi":
    case "hi":
      return words.upper(numberText(rule.limit));
    case "lo":
    case "lolo":
      return words.lower(numberText(rule.limit));
    case "deviation":
      return words.deviation(numberText(rule.limit), numberText(rule.setpoint));
    case "rate":
      return words.rate(numberText(rule.limit));
    case "boolean":
      return words.boolean(rule.when ?? true);
    case "stale":
      return words.stale(numberText((rule.after_ms ?? 0) / 1000));
    case "quality":
      return words.quality(rule.uncertain ?? false);
  }
}

export const stateText = (state: string): string => t.alarms.state[state] ?? state;
export const causeText = (cause: string): string => t.alarms.cause[cause] ?? cause;

/** One alarm by its name, several by their number. */
export function whatText(alarms: readonly Pick<AlarmReport, "device" | "alarm">[]): string {
  const [only] = alarms;
  return alarms.length === 1 && only
    ? `${only.alarm} (${only.device})`
    : t.alarms.count(alarms.length);
}

/** How long, roughly: 40 s, 12 min, 3 h. */
export function spanText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 360) / 10} h`;
}
