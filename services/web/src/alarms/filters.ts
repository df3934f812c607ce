/** Which alarms are wanted: the filters of the list, as they stand in its address. */

import type { AlarmReport, AlarmRule, AlarmSeverity } from "../contract";
import { HIDDEN, UNSEEN } from "./deeds";
import { keyOf } from "./order";
import { SEVERITIES, severityOf } from "./severity";

export const STATE_CHOICES = ["unseen", "seen", "latched"] as const;
export type StateChoice = (typeof STATE_CHOICES)[number];

export interface Filters {
  readonly severity: AlarmSeverity | null;
  readonly state: StateChoice | null;
  readonly device: string;
  readonly group: string;
  readonly text: string;
}

/** What an address asks for; what makes no sense there is left out. */
export function filtersOf(query: URLSearchParams): Filters {
  return {
    severity: SEVERITIES.find((one) => one === query.get("severity")) ?? null,
    state: STATE_CHOICES.find((one) => one === query.get("state")) ?? null,
    device: query.get("device") ?? "",
    group: query.get("group") ?? "",
    text: query.get("q") ?? "",
  };
}

export type RulesByKey = ReadonlyMap<string, AlarmRule>;

export const rulesByKey = (rules: readonly AlarmRule[]): RulesByKey =>
  new Map(rules.map((rule) => [keyOf(rule), rule]));

const isIn = (choice: StateChoice, { state }: AlarmReport): boolean => {
  if (choice === "unseen") return UNSEEN.has(state);
  if (choice === "latched") return state.startsWith("latched");
  return !UNSEEN.has(state);
};

/** The alarms that all filters let pass. */
export function filtered(
  alarms: readonly AlarmReport[],
  filters: Filters,
  rules: RulesByKey,
): readonly AlarmReport[] {
  const words = filters.text.toLowerCase().split(/\s+/).filter(Boolean);
  return alarms.filter((one) => {
    if (filters.severity && severityOf(one.severity) !== filters.severity) return false;
    if (filters.state && !isIn(filters.state, one)) return false;
    if (filters.device && one.device !== filters.device) return false;
    if (filters.group && rules.get(keyOf(one))?.group !== filters.group) return false;
    const said = [one.device, one.alarm, one.tag, one.text, one.comment].join(" ").toLowerCase();
    return words.every((word) => said.includes(word));
  });
}

/** What operators look at, and what is hidden from them. */
export function parted(alarms: readonly AlarmReport[]) {
  return {
    shown: alarms.filter(({ state }) => !HIDDEN.has(state)),
    hidden: alarms.filter(({ state }) => HIDDEN.has(state)),
  };
}

export interface SeverityCount {
  readonly severity: AlarmSeverity;
  readonly all: number;
  readonly unseen: number;
}

/** How many there are of each severity, the most severe first. */
export function countsOf(alarms: readonly AlarmReport[]): readonly SeverityCount[] {
  return SEVERITIES.map((severity) => {
    const found = alarms.filter((one) => severityOf(one.severity) === severity);
    const unseen = found.filter(({ state }) => UNSEEN.has(state)).length;
    return { severity, all: found.length, unseen };
  });
}
