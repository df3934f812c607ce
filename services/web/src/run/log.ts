/** A run's events as the page knows them: in order, none twice, gaps known. Pure. */

import type { WorkflowEvent } from "../contract";

export type EventLog = readonly WorkflowEvent[];

/** Both together, by number. */
export function merge(log: EventLog, more: readonly WorkflowEvent[]): EventLog {
  const last = log.at(-1)?.number ?? -1;
  const fresh = more.filter(({ number }) => number > last);
  const isPlain = fresh.length === more.length && fresh.every((e, i) => e.number === last + 1 + i);
  if (isPlain) return more.length ? [...log, ...more] : log;
  const byNumber = new Map([...log, ...more].map((event) => [event.number, event]));
  return byNumber.size === log.length
    ? log
    : [...byNumber.values()].sort((one, other) => one.number - other.number);
}

/** The first number below `told` that is missing, or null. */
export function firstMissing(log: EventLog, told: number): number | null {
  const gap = log.findIndex((event, place) => event.number !== place);
  const next = gap === -1 ? log.length : gap;
  return next < told || gap !== -1 ? next : null;
}

/** How often each link carried a signal, and the one that did last. */
export function signals(log: EventLog): {
  readonly counts: ReadonlyMap<string, number>;
  readonly last: string | null;
} {
  const counts = new Map<string, number>();
  let last: string | null = null;
  for (const { type, data } of log) {
    if (type !== "FLOW_SIGNALED") continue;
    last = String(data.flowId);
    counts.set(last, (counts.get(last) ?? 0) + 1);
  }
  return { counts, last };
}

/** When each listener last became active, unix ms. */
export function activatedAt(log: EventLog): ReadonlyMap<string, number> {
  return new Map(
    log
      .filter(({ type }) => type === "EVENT_LISTENER_ACTIVATED")
      .map(({ data, createdAt }) => [String(data.eventListenerId), createdAt]),
  );
}
