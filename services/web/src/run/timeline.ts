/**
 * A run over time: each phase a lane with a bar for every activation, what people did,
 * and when it was held. Pure.
 */

import type { AlarmEntry, WorkflowEvent } from "../contract";
import type { Workflow } from "../workflow/definition";
import type { EventLog } from "./log";
import type { Replay, Span } from "./replay";

export interface Bar extends Span {
  readonly phase: string;
  readonly number: number; // of the event that began it
  readonly endedBy: string | null; // the listener
  readonly failed: readonly number[]; // when commands of it failed, unix ms
}

export interface Lane {
  readonly phase: string;
  readonly bars: readonly Bar[];
}

export type MarkKind =
  | "pause"
  | "resume"
  | "approval"
  | "forced"
  | "alert"
  | "failure"
  | "end"
  | "alarm";

/** A moment worth a mark; `event` is there unless it comes from the alarm journal. */
export interface Mark {
  readonly kind: MarkKind;
  readonly atMs: number;
  readonly event: WorkflowEvent | null;
  readonly alarm: AlarmEntry | null;
}

/** The lanes, in the order in which their phases first began. */
export function lanesOf(replay: Replay): Lane[] {
  const lanes = new Map<string, Bar[]>();
  const open = new Map<string, Bar>();
  const end = (phase: string, toMs: number, endedBy: string | null) => {
    const bar = open.get(phase);
    if (!bar) return;
    open.delete(phase);
    replaceLast(lanes.get(phase), { ...bar, toMs, endedBy });
  };
  replay.log.forEach((event, place) => {
    const { type, data, createdAt } = event;
    const isActive = new Set(replay.at(place + 1).active_phases);
    const by = type === "EVENT_RECEIVED" ? String(data.eventListenerId) : null;
    for (const phase of open.keys()) if (!isActive.has(phase)) end(phase, createdAt, by);
    const phase = String(data.phaseId);
    if (type === "PHASE_STARTED") {
      end(phase, createdAt, null);
      const bar = { phase, number: event.number, endedBy: null, failed: [] };
      const begun: Bar = { ...bar, fromMs: createdAt, toMs: null };
      open.set(phase, begun);
      lanes.set(phase, [...(lanes.get(phase) ?? []), begun]);
    } else if (type === "COMMAND_FAILED") {
      const bar = lanes.get(phase)?.at(-1);
      if (!bar) return;
      const failing = { ...bar, failed: [...bar.failed, createdAt] };
      if (open.has(phase)) open.set(phase, failing);
      replaceLast(lanes.get(phase), failing);
    }
  });
  return [...lanes].map(([phase, bars]) => ({ phase, bars }));
}

function replaceLast(bars: Bar[] | undefined, bar: Bar): void {
  if (bars) bars[bars.length - 1] = bar;
}

/** What people did to the run, what it told them, and its alarms; in order of time. */
export function marksOf(
  log: EventLog,
  workflow: Workflow,
  alarms: readonly AlarmEntry[] = [],
): Mark[] {
  const told = log.flatMap((event) => {
    const kind = kindOf(event, workflow);
    return kind ? [{ kind, atMs: event.createdAt, event, alarm: null }] : [];
  });
  const raised = alarms
    .filter(({ transition }) => isRaised(transition.before, transition.after))
    .map((alarm): Mark => {
      const atMs = Math.floor(alarm.transition.at_us / 1000);
      return { kind: "alarm", atMs, event: null, alarm };
    });
  return [...told, ...raised].sort((one, other) => one.atMs - other.atMs);
}

const isRaised = (before: string, after: string) =>
  before !== "unacknowledged" && after === "unacknowledged";

const PLAIN: Readonly<Record<string, MarkKind>> = {
  WORKFLOW_PAUSED: "pause",
  WORKFLOW_RESUMED: "resume",
  WORKFLOW_TERMINATED: "end",
  WORKFLOW_FINISHED: "end",
  COMMAND_FAILED: "failure",
};

function kindOf({ type, data }: WorkflowEvent, workflow: Workflow): MarkKind | null {
  if (type === "EVENT_RECEIVED") {
    const listener = workflow.elements.get(String(data.eventListenerId));
    if (data.forced === true) return "forced";
    return listener?.kind === "listener" && listener.type === "APPROVAL" ? "approval" : null;
  }
  if (type === "DISPATCHED_EVENT") {
    const dispatcher = workflow.elements.get(String(data.eventDispatcherId));
    return dispatcher?.kind === "dispatcher" && dispatcher.type === "ALERT" ? "alert" : null;
  }
  return PLAIN[type] ?? null;
}

const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000,
  300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000,
  86_400_000, 172_800_000, 604_800_000, 2_592_000_000,
];

/** Round moments within, at most `most` of them, by local time. */
export function ticks(fromMs: number, toMs: number, most: number): number[] {
  if (!(toMs > fromMs) || most < 1) return [];
  const step = STEPS_MS.find((ms) => (toMs - fromMs) / ms <= most) ?? toMs - fromMs;
  const offset = new Date(fromMs).getTimezoneOffset() * 60_000;
  const found: number[] = [];
  const first = Math.ceil((fromMs - offset) / step) * step + offset;
  for (let at = first; at <= toMs; at += step) found.push(at);
  return found;
}
