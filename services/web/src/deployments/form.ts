/**
 * The form of a new deployment, as somebody fills it in, and the request it makes. Pure.
 *
 * What is left empty has the strategy's default, which the backend knows. Only what could
 * not be put into a request is refused here; all else is said by the backend.
 */

import type {
  ActiveRuns,
  CreateDeployment,
  DeploymentReport,
  LabelVariables,
  PreviewDeployment,
  StrategyConfig,
  StrategyKind,
  Targets,
  Window,
} from "../contract";
import { t } from "../texts";
import { type NamedValue, readValue, type Variable } from "./variables";

/** Settings that are written: all texts, empty for the default. */
export const WRITTEN = [
  "batch_size",
  "batch_delay",
  "canary_percentage",
  "canary_delay",
  "switch_delay",
  "failure_threshold",
  "timeout",
  "revert_timeout",
  "watch",
  "check",
  "max_in_flight",
  "retries",
] as const;
export type Written = (typeof WRITTEN)[number];

const WHOLE: readonly Written[] = ["batch_size", "max_in_flight", "retries"];
const PERCENT: readonly Written[] = ["canary_percentage", "failure_threshold"];

/** Settings that are on or off. */
export const MARKED = ["auto_rollback", "health_check", "catch_up", "needs_approval"] as const;
export type Marked = (typeof MARKED)[number];

export type Who = "devices" | "labels" | "all";
export type When = "now" | "at" | "later";

export interface Form {
  readonly flow: string;
  readonly version: number | null; // null: the newest release
  readonly who: Who;
  readonly devices: readonly string[]; // in the order in which they get their turn
  readonly labels: string;
  readonly dynamic: boolean;
  readonly strategy: StrategyKind;
  readonly written: Readonly<Record<Written, string>>;
  readonly marked: Readonly<Record<Marked, boolean>>;
  readonly windows: readonly Window[];
  readonly activeRuns: ActiveRuns;
  readonly startRun: boolean;
  readonly variables: Readonly<Record<string, string>>;
  readonly labelVariables: readonly NamedValue[]; // `whose` is a selector
  readonly deviceVariables: readonly NamedValue[]; // `whose` is a device
  readonly when: When;
  readonly at: string; // as `<input type="datetime-local">` has it
  readonly note: string;
}

export const EMPTY: Form = {
  flow: "",
  version: null,
  who: "devices",
  devices: [],
  labels: "",
  dynamic: false,
  strategy: "canary",
  written: Object.fromEntries(WRITTEN.map((name) => [name, ""])) as Record<Written, string>,
  marked: { auto_rollback: true, health_check: true, catch_up: false, needs_approval: false },
  windows: [],
  activeRuns: "finish",
  startRun: false,
  variables: {},
  labelVariables: [],
  deviceVariables: [],
  when: "now",
  at: "",
  note: "",
};

/** What an address asks for: `?flow=brew&version=2&devices=press_1,press_2&labels=site=graz`. */
export function formOf(query: URLSearchParams): Form {
  const version = Number(query.get("version"));
  const devices = (query.get("devices") ?? "").split(",").filter(Boolean);
  const labels = query.get("labels") ?? "";
  return {
    ...EMPTY,
    flow: query.get("flow") ?? "",
    version: Number.isInteger(version) && version > 0 ? version : null,
    devices,
    labels,
    who: labels ? "labels" : "devices",
  };
}

/** The same plan once more, perhaps with another release. Its variables are not told. */
export function formLike(report: DeploymentReport, version: number | null): Form {
  const { targets, config, strategy } = report;
  const written = Object.fromEntries(
    WRITTEN.map((name) => {
      const isOfAnother = OF_STRATEGY[name] !== undefined && OF_STRATEGY[name] !== strategy;
      const value = isOfAnother ? "" : String(config[name] ?? "");
      return [name, name === "max_in_flight" && value === "0" ? "" : value];
    }),
  ) as Record<Written, string>;
  return {
    ...EMPTY,
    flow: report.flow,
    version,
    who: targets.all ? "all" : targets.labels !== null ? "labels" : "devices",
    devices: targets.devices,
    labels: targets.labels ?? "",
    dynamic: targets.dynamic,
    strategy,
    written,
    marked: {
      auto_rollback: config.auto_rollback,
      health_check: config.health_check,
      catch_up: config.catch_up,
      needs_approval: config.needs_approval,
    },
    windows: config.windows,
    activeRuns: report.active_runs,
    startRun: report.start_run,
  };
}

/** The one strategy that a setting is of; the others are of all. */
export const OF_STRATEGY: Readonly<Partial<Record<Written, StrategyKind>>> = {
  batch_size: "rolling",
  batch_delay: "rolling",
  canary_percentage: "canary",
  canary_delay: "canary",
  switch_delay: "blue_green",
};

/** Sentences by the field they belong beside. */
export type Faults = Readonly<Record<string, string>>;

/** What is written so that no request can be made of it. */
export function faultsOf(form: Form, variables: readonly Variable[] | null): Faults {
  const faults: Record<string, string> = {};
  const words = t.deployments.form.faults;
  for (const name of WHOLE) {
    if (form.written[name] && !/^\d+$/.test(form.written[name].trim())) faults[name] = words.whole;
  }
  for (const name of PERCENT) {
    if (form.written[name] && percentOf(form.written[name]) === null) faults[name] = words.percent;
  }
  if (form.when === "at" && atMs(form.at) === null) faults.start_at_ms = words.at;
  if (form.windows.some(({ days }) => days.length === 0)) faults.windows = words.days;
  for (const [name, text] of Object.entries(form.variables)) {
    if (text !== "" && valueIn(variables, name, text) === undefined) {
      faults[`variable ${name}`] = words.value;
    }
  }
  for (const list of [form.labelVariables, form.deviceVariables]) {
    for (const one of list) {
      const isBad = !one.whose || !one.name || valueIn(variables, one.name, one.text) === undefined;
      if (isBad) faults.variables = words.override;
    }
  }
  return faults;
}

/** What is still to be chosen before there is anything to ask for. */
export function missingIn(form: Form): string | null {
  const words = t.deployments.form.missing;
  if (!form.flow) return words.flow;
  return targetsOf(form) === null ? words[form.who] : null;
}

export function targetsOf(form: Form): Targets | null {
  const { who, dynamic } = form;
  if (who === "all") return { devices: [], labels: null, all: true, dynamic };
  const labels = who === "labels" ? form.labels.trim() : "";
  if (who === "labels" ? labels === "" : form.devices.length === 0) return null;
  // Who is named already cannot appear later: only labels and "all" have newcomers.
  const isOpen = who === "labels" && dynamic;
  return { devices: form.devices, labels: labels || null, all: false, dynamic: isOpen };
}

export function configOf(form: Form): StrategyConfig {
  const text = (name: Written) => {
    const only = OF_STRATEGY[name];
    return only && only !== form.strategy ? null : form.written[name].trim() || null;
  };
  const whole = (name: Written) => (text(name) === null ? null : Number(text(name)));
  const percent = (name: Written) => percentOf(text(name) ?? "");
  return {
    batch_size: whole("batch_size"),
    batch_delay: text("batch_delay"),
    failure_threshold: percent("failure_threshold"),
    canary_percentage: percent("canary_percentage"),
    canary_delay: text("canary_delay"),
    switch_delay: text("switch_delay"),
    timeout: text("timeout"),
    revert_timeout: text("revert_timeout"),
    watch: text("watch"),
    check: text("check") ?? "",
    max_in_flight: whole("max_in_flight") ?? 0,
    retries: whole("retries"),
    windows: form.windows,
    ...form.marked,
  };
}

/** What to ask for the waves; null while devices or settings are not there yet. */
export function previewOf(form: Form): PreviewDeployment | null {
  const targets = targetsOf(form);
  if (targets === null) return null;
  const { strategy } = form;
  return { targets, strategy, config: configOf(form) };
}

/** The request of a form without faults in which nothing is missing. */
export function requestOf(
  form: Form,
  variables: readonly Variable[] | null,
  key: string,
): CreateDeployment | null {
  const targets = targetsOf(form);
  if (targets === null || !form.flow) return null;
  const written = Object.entries(form.variables).filter(([, text]) => text !== "");
  return {
    flow: form.flow,
    version: form.version,
    strategy: form.strategy,
    targets,
    config: configOf(form),
    active_runs: form.activeRuns,
    start_run: form.startRun,
    variables: Object.fromEntries(
      written.map(([name, text]) => [name, valueIn(variables, name, text)]),
    ),
    label_variables: form.labelVariables.map(
      ({ whose, name, text }): LabelVariables => ({
        labels: whose,
        variables: { [name]: valueIn(variables, name, text) },
      }),
    ),
    device_variables: byDevice(form.deviceVariables, variables),
    start: form.when === "now",
    start_at_ms: form.when === "at" ? atMs(form.at) : null,
    note: form.note.trim(),
    key,
  };
}

function byDevice(given: readonly NamedValue[], variables: readonly Variable[] | null) {
  const found: Record<string, Record<string, unknown>> = {};
  for (const { whose, name, text } of given) {
    found[whose] = { ...found[whose], [name]: valueIn(variables, name, text) };
  }
  return found;
}

function valueIn(variables: readonly Variable[] | null, name: string, text: string) {
  return readValue(variables?.find((one) => one.name === name)?.type ?? null, text);
}

/** `20` or `20 %`. */
function percentOf(text: string): number | null {
  const number = text.trim().replace(/\s*%$/, "");
  if (!/^\d+(\.\d+)?$/.test(number)) return null;
  return Number(number) <= 100 ? Number(number) : null;
}

/** A local time of day, as unix time. */
export function atMs(at: string): number | null {
  const ms = new Date(at).getTime();
  return at === "" || Number.isNaN(ms) ? null : ms;
}
