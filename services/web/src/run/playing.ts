/** Where a replay stands, and how it moves: by steps, to a moment, with the time. Pure. */

import type { Replay } from "./replay";

export interface Position {
  readonly count: number; // of the events that have happened
  readonly atMs: number;
}

export const SPEEDS = [1, 10, 60, 600] as const;

/** After the first `count` events. */
export function afterEvents(replay: Replay, count: number): Position {
  const bounded = Math.min(Math.max(0, Math.round(count)), replay.length);
  return { count: bounded, atMs: replay.timeOf(bounded) };
}

/** At a moment, no earlier and no later than there are events. */
export function atMoment(replay: Replay, ms: number): Position {
  const atMs = Math.min(Math.max(ms, replay.timeOf(0)), replay.timeOf(replay.length));
  return { count: replay.countAt(atMs), atMs };
}

/** After so much time; null: the end is reached. */
export function played(replay: Replay, from: Position, byMs: number): Position | null {
  const atMs = from.atMs + byMs;
  if (atMs >= replay.timeOf(replay.length)) return null;
  return { count: Math.max(from.count, replay.countAt(atMs)), atMs };
}
