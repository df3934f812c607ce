/** What the run does and waits for, in words: the graph for those who cannot see it. */

import type { ListenerReport, RunReport } from "../../contract";
import type { Wait } from "../../run/countdown";
import { t } from "../../texts";
import type { Workflow } from "../../workflow/definition";
import {
  conditionInWords,
  countdown,
  elementInWords,
  type Nodes,
  short,
} from "../../workflow/words";

interface Props {
  readonly report: RunReport;
  readonly workflow: Workflow;
  readonly nodes: Nodes;
  readonly waits: ReadonlyMap<string, Wait | null>;
}

export function Waiting({ report, workflow, nodes, waits }: Props) {
  const phases = report.active_phases.map((id) => elementInWords(workflow.elements.get(id), id));
  if (phases.length === 0 && report.listening.length === 0) return null;
  return (
    <div className="waiting" data-testid="waiting">
      <p>
        {phases.length > 0 ? t.run.activePhases(phases.join(", ")) : t.run.noPhase}
        {report.listening.length > 0 && ` ${t.run.waitingFor}`}
      </p>
      <ul>
        {report.listening.map((one) => (
          <li
            key={one.listener}
            className={one.type === "APPROVAL" && report.status !== "paused" ? "act" : ""}
            data-testid="listener"
            data-listener={one.listener}
          >
            {sentence(one, workflow, nodes, waits.get(one.listener) ?? null)}
          </li>
        ))}
      </ul>
    </div>
  );
}

function sentence(
  one: ListenerReport,
  workflow: Workflow,
  nodes: Nodes,
  wait: Wait | null,
): string {
  const element = workflow.elements.get(one.listener);
  const left = wait ? countdown(wait.leftMs) : null;
  const label = short(element?.label ?? one.listener);
  switch (one.type) {
    case "TIMER":
      return t.run.timer(label, left);
    case "APPROVAL":
      return t.run.yourApproval(label);
    case "CONDITION": {
      const condition = element?.kind === "listener" ? element.condition : null;
      const words = condition ? conditionInWords(condition, nodes) : label;
      return left ? t.run.holds(words, left) : words;
    }
    default:
      return elementInWords(element, one.listener);
  }
}
