/** A workflow drawn to be looked at: at rest, lit by a player, or with marks of a diff. */

import { useMemo } from "react";
import type { RunReport } from "../../contract";
import type { Highlight } from "../../design/highlight";
import { t } from "../../texts";
import { Quiet } from "../../ui/basics";
import { parseWorkflow, type Workflow } from "../../workflow/definition";
import { Graph } from "../run/Graph";
import { useNodes } from "./useNodes";
import "../../style/run.css";
import "./flows.css";

interface Props {
  readonly definition: unknown;
  readonly highlight?: (Highlight & { readonly kept?: readonly string[] }) | null;
  readonly marks?: ReadonlyMap<string, string>;
}

const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

export function FlowGraph({ definition, highlight = null, marks }: Props) {
  const workflow = useMemo(() => drawn(definition), [definition]);
  const nodes = useNodes();
  const path = useMemo(() => {
    const { link = null, kept = [] } = highlight ?? {};
    return {
      counts: new Map(link ? [[link, 1]] : []),
      last: link,
      signalledAt: new Map(kept.map((one) => [one, 1])),
      usedAt: NOTHING,
    };
  }, [highlight]);
  if (!workflow) return <Quiet name="not-drawn">{t.flows.one.notDrawn}</Quiet>;
  return (
    <div className="flows-graph" data-testid="flow-graph" data-lit={highlight?.active.size ?? 0}>
      <Graph
        workflow={workflow}
        nodes={nodes}
        report={highlight ? reportOf(highlight) : null}
        waits={NOTHING}
        path={path}
        isMoving={false}
        marks={marks ?? NOTHING}
      />
    </div>
  );
}

function drawn(definition: unknown): Workflow | null {
  try {
    return parseWorkflow(definition);
  } catch {
    return null; // an unfinished draft
  }
}

/** A highlight as a run's report; paused, for nobody is waited for. */
function reportOf({ active, activations }: Highlight): RunReport {
  const ids = [...active];
  return {
    run: "",
    flow: "",
    version: 0,
    status: "paused",
    started_at_ms: null,
    ended_at_ms: null,
    active_phases: ids,
    listening: ids.map((listener) => ({
      listener,
      type: "",
      phase: null,
      due_at_ms: null,
      remaining_ms: null,
    })),
    activations: Object.fromEntries(activations),
    events: 0,
    active_since_ms: [],
  };
}
