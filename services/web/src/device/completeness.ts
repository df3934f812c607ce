/** What of a device's streams is stored, waits, and was lost: one row a stream. Pure. */

import type { Epoch, Gaps, Loss, Waiting } from "../contract";

export interface StreamRow {
  readonly stream: string;
  readonly waiting: number | null; // null: the device cannot be asked
  readonly stored: number;
  readonly newestAtMs: number | null;
  readonly lost: number;
  readonly unexplained: number;
}

const STREAMS = ["samples", "run_events", "alarms", "losses"];

export function streamRows(
  gaps: Gaps | undefined,
  outbox: readonly Waiting[] | undefined,
): readonly StreamRow[] {
  const others = [...(outbox ?? []), ...(gaps?.epochs ?? [])].map(({ stream }) => stream);
  return [...new Set<string>([...STREAMS, ...others])].map((stream) => {
    const epochs = gaps?.epochs.filter((one) => one.stream === stream) ?? [];
    const losses = gaps?.losses.filter((one) => one.stream === stream) ?? [];
    const times = epochs.map(({ changed_at_ms }) => changed_at_ms);
    return {
      stream,
      waiting: outbox ? (outbox.find((one) => one.stream === stream)?.items ?? 0) : null,
      stored: sum(epochs.map(({ next_number }) => next_number)),
      newestAtMs: times.length > 0 ? Math.max(...times) : null,
      lost: sum(losses.map(({ count }) => count)),
      unexplained: epochs.filter(({ state }) => state === "unexplained").length,
    };
  });
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

/** Losses in which something is gone, newest first; ends without loss are no gaps. */
export function realLosses(losses: readonly Loss[]): readonly Loss[] {
  return losses.filter(({ count }) => count > 0).toSorted((a, b) => b.at_ms - a.at_ms);
}

/** What needs an explanation first, then the newest. */
export function epochsInOrder(epochs: readonly Epoch[]): readonly Epoch[] {
  const rank = ({ state }: Epoch) => ["unexplained", "open", "closed"].indexOf(state);
  return epochs.toSorted((a, b) => rank(a) - rank(b) || b.changed_at_ms - a.changed_at_ms);
}
