/** What stands on a chart's axis: alarms that came up, and the phases of runs. Pure. */

import type { AlarmEntry, WorkflowEvent } from "../contract";
import type { Workflow } from "../workflow/definition";

export interface AlarmMark {
  readonly atMs: number;
  readonly device: string;
  readonly alarm: string;
  readonly tag: string;
  readonly severity: number;
  readonly value: number | null;
}

export interface PhaseBand {
  readonly device: string;
  readonly run: string;
  readonly phase: string;
  readonly fromMs: number;
  readonly toMs: number | null; // null: goes on
}

const CAME_UP = ["raised", "re_alarmed"];
const US_PER_MS = 1000;

/** The transitions at which an alarm came up, oldest first. */
export function alarmMarks(entries: readonly AlarmEntry[]): readonly AlarmMark[] {
  return entries
    .filter(({ transition }) => CAME_UP.includes(transition.cause))
    .map(({ device, transition }) => ({
      atMs: Math.floor(transition.at_us / US_PER_MS),
      device,
      alarm: transition.alarm,
      tag: transition.tag,
      severity: transition.severity,
      value: transition.value,
    }))
    .sort((one, other) => one.atMs - other.atMs);
}

/** When each phase of a run was active; an interrupting listener ends its phase. */
export function phaseBands(
  device: string,
  run: string,
  events: readonly WorkflowEvent[],
  workflow: Workflow,
): readonly PhaseBand[] {
  const bands: PhaseBand[] = [];
  const open = new Map<string, number>();
  const close = (phase: string, toMs: number) => {
    const fromMs = open.get(phase);
    if (fromMs === undefined) return;
    open.delete(phase);
    bands.push({ device, run, phase, fromMs, toMs });
  };
  for (const { type, data, createdAt } of events) {
    if (type === "PHASE_STARTED") {
      const phase = String(data.phaseId);
      if (!open.has(phase)) open.set(phase, createdAt);
    } else if (type === "EVENT_RECEIVED") {
      const element = workflow.elements.get(String(data.eventListenerId));
      const ends = element?.kind === "listener" && element.isInterrupting ? element.phase : null;
      if (ends) close(ends, createdAt);
    } else if (type === "WORKFLOW_FINISHED" || type === "WORKFLOW_TERMINATED") {
      for (const phase of [...open.keys()]) close(phase, createdAt);
    }
  }
  for (const [phase, fromMs] of open) bands.push({ device, run, phase, fromMs, toMs: null });
  return bands.sort((one, other) => one.fromMs - other.fromMs);
}

/** Rows for bands that overlap: each in the first row that is free for it. */
export function inRows(
  bands: readonly PhaseBand[],
  nowMs: number,
): readonly (PhaseBand & { readonly row: number })[] {
  const ends: number[] = [];
  return bands.map((band) => {
    const free = ends.findIndex((end) => end <= band.fromMs);
    const row = free === -1 ? ends.length : free;
    ends[row] = band.toMs ?? Math.max(nowMs, band.fromMs);
    return { ...band, row };
  });
}
