/** The fleet as rows: joined, filtered, counted, and what a command would do. Pure. */

import type { DeviceKind, DeviceReport, FleetVerb, RunStatus } from "../contract";
import { type DeviceAlarms, NO_ALARMS } from "./alarms";

/** A run that has not ended. */
export interface ActiveRun {
  readonly run: string;
  readonly flow: string;
  readonly version: number;
  readonly status: RunStatus;
}

export type RunsByDevice = ReadonlyMap<string, readonly ActiveRun[]>;

export interface FleetRow {
  readonly report: DeviceReport;
  readonly alarms: DeviceAlarms;
  readonly runs: readonly ActiveRun[];
}

export const SHOWS = ["online", "offline", "alarms", "running"] as const;
export type Show = (typeof SHOWS)[number];

export interface Filter {
  readonly search: string;
  readonly kind: DeviceKind | null;
  readonly show: Show | null;
  readonly fitting: ReadonlySet<string> | null; // by labels; null: all
}

const NO_RUNS: readonly ActiveRun[] = [];

/** All there is to know of each device; a row whose parts are the same is the same. */
export function joined(
  devices: readonly DeviceReport[],
  alarms: ReadonlyMap<string, DeviceAlarms>,
  runs: RunsByDevice,
  before: ReadonlyMap<string, FleetRow> = new Map(),
): readonly FleetRow[] {
  return devices.map((report) => {
    const known = before.get(report.device);
    const of = alarms.get(report.device) ?? NO_ALARMS;
    const active = runs.get(report.device) ?? NO_RUNS;
    return known?.report === report && known.alarms === of && known.runs === active
      ? known
      : { report, alarms: of, runs: active };
  });
}

const SHOWN_BY: Readonly<Record<Show, (row: FleetRow) => boolean>> = {
  online: ({ report }) => report.online,
  offline: ({ report }) => !report.online,
  alarms: ({ alarms }) => alarms.count > 0,
  running: ({ runs }) => runs.length > 0,
};

/** What the counts are of: everything but the choice among the counts themselves. */
export function inScope(rows: readonly FleetRow[], filter: Filter): readonly FleetRow[] {
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(
    (row) =>
      (filter.kind === null || row.report.kind === filter.kind) &&
      (filter.fitting === null || filter.fitting.has(row.report.device)) &&
      words.every((word) => speaksOf(row, word)),
  );
}

function speaksOf({ report, runs }: FleetRow, word: string): boolean {
  return (
    report.device.includes(word) ||
    (report.version ?? "").includes(word) ||
    runs.some(({ flow }) => flow.includes(word)) ||
    Object.entries(report.labels).some(([name, value]) =>
      `${name}=${value}`.toLowerCase().includes(word),
    )
  );
}

export function shownBy(rows: readonly FleetRow[], show: Show | null): readonly FleetRow[] {
  return show === null ? rows : rows.filter(SHOWN_BY[show]);
}

export function counted(rows: readonly FleetRow[]): Readonly<Record<Show, number>> {
  const counts = { online: 0, offline: 0, alarms: 0, running: 0 };
  for (const row of rows) {
    for (const show of SHOWS) if (SHOWN_BY[show](row)) counts[show] += 1;
  }
  return counts;
}

/** What is to be expected of a command, as far as the page knows. */
export interface Expected {
  readonly told: number; // online
  readonly offline: number;
  readonly fitting: number; // of those told, for whom it makes sense
}

const SENSIBLE: Readonly<Record<FleetVerb, (of: readonly ActiveRun[]) => boolean>> = {
  start: (of) => of.length === 0,
  pause: (of) => of.some(({ status }) => status === "running"),
  resume: (of) => of.some(({ status }) => status === "paused"),
  stop: (of) => of.length > 0,
  approve: (of) => of.some(({ status }) => status === "running"),
};

export function expected(verb: FleetVerb, flow: string, rows: readonly FleetRow[]): Expected {
  const told = rows.filter(({ report }) => report.online);
  const fitting = told.filter(({ runs }) =>
    SENSIBLE[verb](runs.filter((run) => run.flow === flow)),
  );
  return { told: told.length, offline: rows.length - told.length, fitting: fitting.length };
}

/** The flow that most of them run. */
export function usualFlow(rows: readonly FleetRow[]): string | null {
  const counts = new Map<string, number>();
  for (const { flow } of rows.flatMap(({ runs }) => runs)) {
    counts.set(flow, (counts.get(flow) ?? 0) + 1);
  }
  return [...counts].sort(([, one], [, other]) => other - one)[0]?.[0] ?? null;
}
