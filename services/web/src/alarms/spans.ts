/** Spans of time as an address has them: the last so many ms, or from one time to another. */

export const SPANS_MS = [3_600_000, 28_800_000, 86_400_000, 604_800_000, 2_678_400_000] as const;
const USUAL_MS = 86_400_000;
const LONGEST_MS = 400 * 86_400_000;

export interface Span {
  readonly lengthMs: number | null; // null: from and to are given
  readonly fromMs: number;
  readonly toMs: number;
}

/** The span that an address asks for, as seen at `nowMs`. */
export function spanOf(query: URLSearchParams, nowMs: number): Span {
  const from = Number(query.get("from"));
  const to = Number(query.get("to"));
  if (from > 0 && to > from) return { lengthMs: null, fromMs: from, toMs: to };
  const asked = Number(query.get("span"));
  const lengthMs = asked > 0 && asked <= LONGEST_MS ? asked : USUAL_MS;
  return { lengthMs, fromMs: nowMs - lengthMs, toMs: nowMs };
}
