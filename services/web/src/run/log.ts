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

/** What the links carried, and what gateways have not used up yet. */
export interface Path {
  readonly counts: ReadonlyMap<string, number>; // how often each link was signalled
  readonly last: string | null; // the one that was last
  readonly signalledAt: ReadonlyMap<string, number>; // a link's last signal, by event number
  readonly usedAt: ReadonlyMap<string, number>; // a gateway's last activation, likewise
}

export function signals(log: EventLog): Path {
  const counts = new Map<string, number>();
  const signalledAt = new Map<string, number>();
  const usedAt = new Map<string, number>();
  let last: string | null = null;
  for (const { type, data, number } of log) {
    if (type === "GATEWAY_ACTIVATED") usedAt.set(String(data.gatewayId), number);
    if (type !== "FLOW_SIGNALED") continue;
    last = String(data.flowId);
    counts.set(last, (counts.get(last) ?? 0) + 1);
    signalledAt.set(last, number);
  }
  return { counts, last, signalledAt, usedAt };
}

/** How many of these links hold a signal that their gateway waits with. */
export function held(path: Path, gateway: string, links: readonly string[]): number {
  const used = path.usedAt.get(gateway) ?? -1;
  return links.filter((link) => (path.signalledAt.get(link) ?? -1) > used).length;
}

/** When each listener last became active, unix ms. */
export function activatedAt(log: EventLog): ReadonlyMap<string, number> {
  return new Map(
    log
      .filter(({ type }) => type === "EVENT_LISTENER_ACTIVATED")
      .map(({ data, createdAt }) => [String(data.eventListenerId), createdAt]),
  );
}

/** How often each phase was entered. */
export function visits(log: EventLog): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { type, data } of log) {
    const phase = String(data.phaseId);
    if (type === "PHASE_STARTED") counts.set(phase, (counts.get(phase) ?? 0) + 1);
  }
  return counts;
}
