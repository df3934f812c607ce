/**
 * How long a listener still waits, and how far it is: timers, and conditions that must
 * hold for a while.
 *
 * A report tells only when a wait ends, so the start is remembered: a timer's from the
 * event that activated it, a condition's from when its present end was first seen.
 */

import type { ListenerReport } from "../contract";

export interface Wait {
  readonly leftMs: number;
  readonly share: number; // of the whole wait that is over, 0 to 1
}

interface Known {
  readonly dueAtMs: number;
  readonly totalMs: number;
}

export class Countdowns {
  readonly #known = new Map<string, Known>();

  /** The wait of a listener at `nowMs` by the device's clock; null: it waits for no time. */
  of(report: ListenerReport, nowMs: number, activatedAtMs: number | undefined): Wait | null {
    const { listener, due_at_ms, remaining_ms } = report;
    if (due_at_ms === null) {
      if (remaining_ms === null) return null;
      const totalMs = this.#known.get(listener)?.totalMs ?? remaining_ms;
      return wait(remaining_ms, totalMs);
    }
    const known = this.#known.get(listener);
    const startMs = report.type === "TIMER" ? (activatedAtMs ?? nowMs) : nowMs;
    const isOld = known?.dueAtMs === due_at_ms;
    const totalMs = isOld ? known.totalMs : due_at_ms - startMs;
    if (!isOld) this.#known.set(listener, { dueAtMs: due_at_ms, totalMs });
    return wait(due_at_ms - nowMs, totalMs);
  }
}

function wait(leftMs: number, totalMs: number): Wait {
  const share = totalMs > 0 ? 1 - leftMs / totalMs : 1;
  return { leftMs: Math.max(0, leftMs), share: Math.min(1, Math.max(0, share)) };
}
