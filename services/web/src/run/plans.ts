/** Which tags a run's page draws: those its workflow mentions, and what a person picks. Pure. */

import type { Tag } from "../contract";
import { arrange, type ChartPlan } from "../telemetry/arrange";
import type { Condition, Workflow } from "../workflow/definition";
import type { Nodes } from "../workflow/words";

const FEW = 2; // drawn when the workflow mentions none

/** Everything that can be drawn, a value together with its setpoint. */
export function plansOf(tags: readonly Tag[]): ChartPlan[] {
  const drawable = tags.filter(({ type }) => type !== "text" && type !== "json");
  const { charts, listed } = arrange(drawable);
  return [...charts, ...listed.map((value) => ({ value, setpoint: null }))];
}

/** The tags that a workflow reads in conditions or sets in phases, by name. */
export function mentioned(workflow: Workflow, nodes: Nodes): ReadonlySet<string> {
  const found = new Set<string>();
  const note = (node: string) => {
    const tag = nodes.get(node);
    if (tag) found.add(tag.tag);
  };
  for (const element of workflow.elements.values()) {
    if (element.kind === "phase") for (const { node } of element.setpoints) note(node);
    if (element.kind === "listener" || element.kind === "gateway") {
      for (const node of sensors(element.condition)) note(node);
    }
  }
  return found;
}

function sensors(condition: Condition | null): string[] {
  return (condition?.operands ?? []).flatMap((operand) => {
    if (operand.is === "sensor") return [operand.node];
    return operand.is === "group" ? sensors(operand.condition) : [];
  });
}

/** Those drawn at first. */
export function proposed(plans: readonly ChartPlan[], names: ReadonlySet<string>): ChartPlan[] {
  const wanted = plans.filter(
    ({ value, setpoint }) => names.has(value.tag) || (setpoint !== null && names.has(setpoint.tag)),
  );
  return wanted.length > 0 ? wanted : plans.slice(0, FEW);
}
