/** Key figures beside the targets of ISA-18.2 (table of clause 16) and EEMUA 191. */

import type { AlarmKpis } from "../contract";

export type Verdict = "good" | "watch" | "bad" | "few";

const graded = (value: number, good: number, watch: number): Verdict =>
  value <= good ? "good" : value <= watch ? "watch" : "bad";

export interface Figure {
  readonly name: "average" | "peak" | "flood" | "chattering" | "stale" | "top";
  readonly value: number;
  readonly verdict: Verdict;
}

/** What the standard has a target for, per operator. */
export function figuresOf(kpis: AlarmKpis): readonly Figure[] {
  const top = kpis.top.reduce((sum, { share }) => sum + share, 0);
  const figure = (name: Figure["name"], value: number, good: number, watch: number): Figure => ({
    name,
    value,
    verdict: graded(value, good, watch),
  });
  return [
    figure("average", kpis.average_per_10_min, 1, 2),
    figure("peak", kpis.peak_per_10_min, 10, 20),
    figure("flood", kpis.in_flood, 0.01, 0.05),
    figure("chattering", kpis.chattering.length, 0, 0),
    figure("stale", kpis.stale.length, 5, 10),
    // A share tells only among many.
    kpis.annunciated < 100
      ? { name: "top", value: top, verdict: "few" }
      : figure("top", top, 0.05, 0.2),
  ];
}

export interface Bar {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

/** Hours as at most `most` bars of the same number of hours each. */
export function bars(perHour: readonly number[], fromMs: number, most: number): readonly Bar[] {
  const hours = Math.max(1, Math.ceil(perHour.length / most));
  const found: Bar[] = [];
  for (let at = 0; at < perHour.length; at += hours) {
    const slice = perHour.slice(at, at + hours);
    found.push({
      fromMs: fromMs + at * 3_600_000,
      toMs: fromMs + (at + slice.length) * 3_600_000,
      count: slice.reduce((sum, one) => sum + one, 0),
    });
  }
  return found;
}
