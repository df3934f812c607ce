/**
 * A run at any moment of its past, computed from its events alone. Pure.
 *
 * `at(count)` is how it stood after its first `count` events; replaying all of them gives
 * the engine's own report, but for due times: those are read off the events that came.
 */

import type { RunReport } from "../contract";
import type { Workflow } from "../workflow/definition";
import type { Wait } from "./countdown";
import type { EventLog } from "./log";
import { advance } from "./progress";

/** Which run of what: what events do not tell. */
export interface Told {
  readonly run: string;
  readonly flow: string;
  readonly version: number;
}

export interface Span {
  readonly fromMs: number;
  readonly toMs: number | null; // null: it goes on
}

export class Replay {
  readonly #states: readonly RunReport[];
  readonly #firings: ReadonlyMap<number, number>;
  readonly #pauses: readonly Span[];

  constructor(
    told: Told,
    readonly log: EventLog,
    workflow: Workflow,
  ) {
    const states: RunReport[] = [beginning(told, log)];
    for (const event of log) {
      const last = states.at(-1) as RunReport;
      states.push(advance({ ...last, status: moving(last) }, event, workflow));
    }
    this.#states = states;
    this.#firings = firings(log);
    this.#pauses = pauses(log);
  }

  get length(): number {
    return this.log.length;
  }

  /** How the run stood after its first `count` events. */
  at(count: number): RunReport {
    const place = Math.min(Math.max(0, count), this.log.length);
    return this.#states[place] as RunReport;
  }

  /** How many of the events had happened by then. */
  countAt(ms: number): number {
    const later = this.log.findIndex(({ createdAt }) => createdAt > ms);
    return later === -1 ? this.log.length : later;
  }

  /** When the n-th event happened; before the first one, when that did. */
  timeOf(count: number): number {
    return this.log[Math.max(0, count - 1)]?.createdAt ?? 0;
  }

  /** How long its timers still waited then: of those that fired in the end. */
  waits(count: number, atMs: number): ReadonlyMap<string, Wait | null> {
    return new Map(
      this.at(count)
        .listening.filter(({ type }) => type === "TIMER")
        .map(({ listener }) => [listener, this.#wait(listener, count, atMs)]),
    );
  }

  #wait(listener: string, count: number, atMs: number): Wait | null {
    for (let place = Math.min(count, this.log.length) - 1; place >= 0; place -= 1) {
      const event = this.log[place];
      if (event?.type !== "EVENT_LISTENER_ACTIVATED") continue;
      if (event.data.eventListenerId !== listener) continue;
      const dueMs = this.#firings.get(place);
      if (dueMs === undefined) return null;
      const totalMs = this.#movedMs(event.createdAt, dueMs);
      const leftMs = this.#movedMs(atMs, dueMs);
      return { leftMs, share: totalMs > 0 ? Math.min(1, Math.max(0, 1 - leftMs / totalMs)) : 1 };
    }
    return null;
  }

  /** How much of the time between was not paused. */
  #movedMs(fromMs: number, toMs: number): number {
    const held = this.#pauses.map(
      (pause) => Math.min(toMs, pause.toMs ?? toMs) - Math.max(fromMs, pause.fromMs),
    );
    const heldMs = held.reduce((sum, ms) => sum + Math.max(0, ms), 0);
    return Math.max(0, toMs - fromMs - heldMs);
  }
}

function beginning({ run, flow, version }: Told, log: EventLog): RunReport {
  return {
    run,
    flow,
    version,
    status: "ready",
    started_at_ms: log[0]?.createdAt ?? null,
    ended_at_ms: null,
    active_phases: [],
    active_since_ms: [],
    listening: [],
    activations: {},
    events: log[0]?.number ?? 0,
  };
}

const moving = ({ status }: RunReport) => (status === "ready" ? "running" : status);

/** The activation of a timer, by place in the log -> when it fired by itself. */
function firings(log: EventLog): Map<number, number> {
  const open = new Map<string, number>();
  const found = new Map<number, number>();
  log.forEach(({ type, data, createdAt }, place) => {
    const listener = String(data.eventListenerId);
    if (type === "EVENT_LISTENER_ACTIVATED") open.set(listener, place);
    if (type !== "EVENT_RECEIVED") return;
    const activation = open.get(listener);
    open.delete(listener);
    if (activation === undefined || data.forced === true) return;
    found.set(activation, createdAt - Number(data.late_by_ms ?? 0));
  });
  return found;
}

/** When the run was held. */
export function pauses(log: EventLog): Span[] {
  const found: Span[] = [];
  for (const { type, createdAt } of log) {
    const last = found.at(-1);
    const isOpen = last !== undefined && last.toMs === null;
    if (type === "WORKFLOW_PAUSED" && !isOpen) found.push({ fromMs: createdAt, toMs: null });
    const ends = ["WORKFLOW_RESUMED", "WORKFLOW_TERMINATED", "WORKFLOW_FINISHED"].includes(type);
    if (ends && isOpen) found[found.length - 1] = { fromMs: last.fromMs, toMs: createdAt };
  }
  return found;
}
