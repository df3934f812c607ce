/** The same done to many devices: some at a time, each with what became of it. */

import type { FleetOutcome } from "../contract";
import { sentenceOf } from "../wamp/errors";

export interface Result {
  readonly device: string;
  readonly outcome: FleetOutcome;
  readonly detail: string;
}

const AT_A_TIME = 6;
export const OUTCOMES: readonly FleetOutcome[] = ["done", "refused", "offline", "timed_out"];

/** Does it to all; `onResult` hears of each as it comes. Nothing stops it half-way. */
export async function toEach(
  devices: readonly string[],
  act: (device: string) => Promise<string>, // what to tell of it, maybe ""
  onResult: (result: Result) => void,
): Promise<void> {
  const waiting = [...devices];
  async function work(): Promise<void> {
    for (let device = waiting.shift(); device !== undefined; device = waiting.shift()) {
      onResult(await resultOf(device, act));
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_A_TIME, devices.length) }, work));
}

async function resultOf(device: string, act: (device: string) => Promise<string>): Promise<Result> {
  try {
    return { device, outcome: "done", detail: await act(device) };
  } catch (error) {
    return { device, outcome: "refused", detail: sentenceOf(error) };
  }
}

/** How many of each outcome; those that are 0 too. */
export function tally(results: readonly Result[]): Readonly<Record<FleetOutcome, number>> {
  const counts = { done: 0, refused: 0, offline: 0, timed_out: 0 };
  for (const { outcome } of results) counts[outcome] += 1;
  return counts;
}

/** What did not go well comes first; else by id. */
export function worstFirst(results: readonly Result[]): readonly Result[] {
  const rank = ({ outcome }: Result) => (outcome === "done" ? 1 : 0);
  return [...results].sort(
    (one, other) =>
      rank(one) - rank(other) ||
      OUTCOMES.indexOf(one.outcome) - OUTCOMES.indexOf(other.outcome) ||
      (one.device < other.device ? -1 : 1),
  );
}
