/**
 * The stretch of time that is shown: the last hour, or from one moment to another. Pure.
 *
 * In the address it is `span=3600000`, or `from=…&to=…` (unix ms).
 */

export type Span =
  | { readonly kind: "live"; readonly ms: number } // until now, moving on
  | { readonly kind: "fixed"; readonly fromMs: number; readonly toMs: number };

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const SPANS_MS = [
  MINUTE_MS,
  5 * MINUTE_MS,
  15 * MINUTE_MS,
  HOUR_MS,
  6 * HOUR_MS,
  DAY_MS,
  7 * DAY_MS,
  30 * DAY_MS,
  365 * DAY_MS,
] as const;

const SHORTEST_MS = 1_000;
const LONGEST_MS = 3_660 * DAY_MS;
const EARLIEST_MS = 946_684_800_000; // the year 2000: fleetdata takes nothing older
const WIDER = 2;

export const live = (ms: number): Span => ({ kind: "live", ms: clampLength(ms) });

function clampLength(ms: number): number {
  return Math.round(Math.min(Math.max(ms, SHORTEST_MS), LONGEST_MS));
}

/** A fixed span, not too short, and not before there was anything. */
export function fixed(fromMs: number, toMs: number): Span {
  const length = clampLength(toMs - fromMs);
  const from = Math.max(Math.round((fromMs + toMs - length) / 2), EARLIEST_MS);
  return { kind: "fixed", fromMs: from, toMs: from + length };
}

export function boundsOf(span: Span, nowMs: number): readonly [number, number] {
  return span.kind === "live" ? [nowMs - span.ms, nowMs] : [span.fromMs, span.toMs];
}

export function lengthOf(span: Span): number {
  return span.kind === "live" ? span.ms : span.toMs - span.fromMs;
}

/** Moved by a share of its length; whoever moves it to now follows again. */
export function panned(span: Span, share: number, nowMs: number): Span {
  const [from, to] = boundsOf(span, nowMs);
  const by = (to - from) * share;
  if (to + by >= nowMs) return live(to - from);
  return fixed(from + by, to + by);
}

/** Twice as long, about its middle, but not into the future; what follows goes on following. */
export function widened(span: Span, nowMs: number): Span {
  if (span.kind === "live") return live(span.ms * WIDER);
  const length = clampLength((span.toMs - span.fromMs) * WIDER);
  const middle = (span.fromMs + span.toMs) / 2;
  const to = Math.min(middle + length / 2, Math.max(nowMs, span.toMs));
  return fixed(to - length, to);
}

/** Half as long; what follows goes on following. */
export function narrowed(span: Span): Span {
  if (span.kind === "live") return live(span.ms / WIDER);
  const quarter = (span.toMs - span.fromMs) / 4;
  return fixed(span.fromMs + quarter, span.toMs - quarter);
}

export function queryOf(span: Span): Readonly<Record<"span" | "from" | "to", number | null>> {
  return span.kind === "live"
    ? { span: span.ms, from: null, to: null }
    : { span: null, from: span.fromMs, to: span.toMs };
}

/** The span that an address tells; the last `otherwiseMs` if it tells none. */
export function spanOf(query: URLSearchParams, otherwiseMs: number): Span {
  const [from, to] = [numberOf(query.get("from")), numberOf(query.get("to"))];
  if (from !== null && to !== null && from < to) return fixed(from, to);
  return live(numberOf(query.get("span")) ?? otherwiseMs);
}

function numberOf(text: string | null): number | null {
  if (!text) return null;
  const found = Number(text);
  return Number.isFinite(found) && found > 0 ? found : null;
}
