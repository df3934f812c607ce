/** The runs that go on now, by device. Pure. */

import type { RunRecord, RunReport } from "../contract";
import type { ActiveRun, RunsByDevice } from "./fleet";

/** Grouped; a device whose runs stand as before keeps its list. */
export function activeByDevice(
  records: readonly RunRecord[],
  before: RunsByDevice = new Map(),
): RunsByDevice {
  const found = new Map<string, ActiveRun[]>();
  for (const { device, run, flow, version, status, overtaken } of records) {
    if (overtaken) continue;
    const of = found.get(device) ?? [];
    found.set(device, of);
    of.push({ run, flow, version, status });
  }
  const kept = new Map<string, readonly ActiveRun[]>();
  for (const [device, of] of found) {
    const known = before.get(device);
    kept.set(device, known && isSame(known, of) ? known : of);
  }
  return kept;
}

function isSame(one: readonly ActiveRun[], other: readonly ActiveRun[]): boolean {
  return (
    one.length === other.length &&
    one.every(
      ({ run, status }, place) => run === other[place]?.run && status === other[place]?.status,
    )
  );
}

/** A device's runs, newest first: stored ones, and what the device itself says of them. */
export function runsOf(
  device: string,
  records: readonly RunRecord[],
  reports: readonly RunReport[],
): readonly RunRecord[] {
  const said = new Map(reports.map((report) => [report.run, report]));
  const known = records.map((record) => {
    const report = said.get(record.run);
    return report ? { ...record, status: report.status } : record;
  });
  const stored = new Set(records.map(({ run }) => run));
  const others = reports.filter(({ run }) => !stored.has(run)).map((one) => recordOf(device, one));
  return [...others, ...known].sort((a, b) => b.started_at_ms - a.started_at_ms);
}

function recordOf(device: string, report: RunReport): RunRecord {
  const { run, flow, version, status, started_at_ms, ended_at_ms, active_phases } = report;
  return {
    ...{ device, run, flow, version, status, ended_at_ms },
    started_at_ms: started_at_ms ?? 0,
    events: report.events,
    last_event_ms: ended_at_ms ?? started_at_ms ?? 0,
    last_phase: active_phases[0] ?? null,
    overtaken: false,
  };
}
