/** The verdict on what is drawn: asked a moment after each edit, kept until the next. */

import { useEffect, useMemo, useState } from "react";
import { useAsk } from "../../app/asking";
import { CHECK_FLOW, type CheckedFinding, type FlowVerdict } from "../../contract";
import type { Definition } from "../../design/document";

const SETTLE_MS = 500;

export interface Counts {
  readonly errors: number;
  readonly warnings: number;
}

export interface Findings {
  readonly verdict: FlowVerdict | null;
  readonly counts: ReadonlyMap<string, Counts>; // by element
  readonly isAsking: boolean; // the verdict is of an earlier drawing
  readonly problem: string | null;
}

export function useFindings(definition: Definition): Findings {
  const [settled, setSettled] = useState(definition);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(definition), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [definition]);
  const { data, isAsking, problem } = useAsk(
    CHECK_FLOW,
    { definition: settled },
    { keeps: true, isWanted: settled.elements.length > 0 },
  );
  const verdict = definition.elements.length > 0 ? (data ?? null) : null;
  const counts = useMemo(() => countsOf(verdict?.findings ?? []), [verdict]);
  return { verdict, counts, isAsking: isAsking || settled !== definition, problem };
}

export function countsOf(findings: readonly CheckedFinding[]): ReadonlyMap<string, Counts> {
  const counts = new Map<string, Counts>();
  for (const { element, gravity } of findings) {
    if (element === null) continue;
    const { errors, warnings } = counts.get(element) ?? { errors: 0, warnings: 0 };
    counts.set(
      element,
      gravity === "error" ? { errors: errors + 1, warnings } : { errors, warnings: warnings + 1 },
    );
  }
  return counts;
}
