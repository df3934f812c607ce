/** Workflow elements in words: conditions, setpoints, durations, events. */

import type { Tag, WorkflowEvent } from "../contract";
import type { Condition, Element, Operand, Phase, Workflow } from "./definition";

/** What a workflow calls a node -> the tag it is. */
export type Nodes = ReadonlyMap<string, Tag>;

/** A node is a tag's mapped id or, failing that, its own name. */
export function nodesOf(tags: readonly Tag[]): Nodes {
  const byName = tags.map((tag) => [tag.tag, tag] as const);
  return new Map([...byName, ...tags.map((tag) => [tag.node ?? tag.tag, tag] as const)]);
}

/** Ids may be UUIDs: enough of one to recognise it. */
export function short(id: string): string {
  return id.length > 20 ? `${id.slice(0, 8)}…` : id;
}

export function duration(ms: number): string {
  if (ms < 60_000) return `${trim(ms / 1000)} s`;
  if (ms < 3_600_000) {
    const seconds = Math.round((ms % 60_000) / 1000);
    return `${Math.floor(ms / 60_000)} min${seconds ? ` ${seconds} s` : ""}`;
  }
  return `${trim(ms / 3_600_000)} h`;
}

const trim = (value: number): string => String(Number(value.toFixed(1)));

/** A countdown that never jumps in width: 0:07, 12:30, 3:05:00. */
export function countdown(ms: number): string {
  const left = Math.max(0, Math.ceil(ms / 1000));
  const [hours, minutes, seconds] = [
    Math.floor(left / 3600),
    Math.floor(left / 60) % 60,
    left % 60,
  ];
  const two = (part: number) => String(part).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

const SIGNS: Readonly<Record<string, string>> = {
  ">=": "≥",
  "<=": "≤",
  "==": "=",
  AND: "and",
  OR: "or",
};

export function conditionInWords(condition: Condition, nodes: Nodes): string {
  const { operator, operands, deviation, sustainMs } = condition;
  const comparison = operands
    .map((one) => operandInWords(one, nodes))
    .join(` ${SIGNS[operator] ?? operator} `);
  const within = deviation ? ` (±${deviation})` : "";
  return `${comparison}${within}${sustainMs ? ` for ${duration(sustainMs)}` : ""}`;
}

function operandInWords(operand: Operand, nodes: Nodes): string {
  switch (operand.is) {
    case "sensor":
      return nodes.get(operand.node)?.tag ?? short(operand.node);
    case "activations":
      return "activations";
    case "group":
      return `(${conditionInWords(operand.condition, nodes)})`;
    case "value":
      return String(operand.value);
  }
}

/** What a phase sets, e.g. `temperature_setpoint → 37 °C`. */
export function setpointsInWords(phase: Phase, nodes: Nodes): string[] {
  return phase.setpoints.map(({ node, target }) => {
    const tag = nodes.get(node);
    return `${tag?.tag ?? short(node)} → ${String(target)}${tag?.unit ? ` ${tag.unit}` : ""}`;
  });
}

const LISTENERS: Readonly<Record<string, string>> = {
  START: "Start",
  TIMER: "Timer",
  APPROVAL: "Approval",
  CONDITION: "Condition",
};

/** An element by kind and name, e.g. `Timer eventListener_2`. */
export function elementInWords(element: Element | undefined, id: string): string {
  const label = short(element?.label ?? id);
  switch (element?.kind) {
    case "phase":
      return `Phase ${label}`;
    case "listener":
      return `${LISTENERS[element.type] ?? element.type} ${label}`;
    case "gateway":
      return `Gateway ${label}`;
    case "dispatcher":
      return `${element.type} ${label}`;
    case undefined:
      return label;
  }
}

const PLAIN: Readonly<Record<string, string>> = {
  WORKFLOW_PAUSED: "Run paused",
  WORKFLOW_RESUMED: "Run resumed",
  WORKFLOW_FINISHED: "Run finished",
};

/** An event as a sentence. */
export function eventInWords(event: WorkflowEvent, workflow: Workflow | null): string {
  const { data } = event;
  const name = (id: unknown) => elementInWords(workflow?.elements.get(String(id)), String(id));
  switch (event.type) {
    case "PHASE_STARTED":
      return `${name(data.phaseId)} started`;
    case "EVENT_LISTENER_ACTIVATED":
      return `${name(data.eventListenerId)} is listening`;
    case "EVENT_RECEIVED":
      return `${name(data.eventListenerId)} ${data.forced ? "triggered by hand" : "fired"}${circumstances(data)}`;
    case "FLOW_SIGNALED":
      return `Link ${short(String(data.flowId))} signalled`;
    case "GATEWAY_ACTIVATED":
      return `${name(data.gatewayId)} activated`;
    case "DISPATCHED_EVENT":
      return `${name(data.eventDispatcherId)} dispatched`;
    case "WORKFLOW_TERMINATED":
      return `Run terminated${data.reason ? `: ${String(data.reason)}` : ""}`;
    case "COMMAND_EXECUTED":
      return `Command ${short(String(data.commandId))} of ${name(data.phaseId)} executed`;
    case "COMMAND_FAILED":
      return `Command ${short(String(data.commandId))} of ${name(data.phaseId)} failed: ${String(data.error)}`;
    default:
      return PLAIN[event.type] ?? event.type;
  }
}

/** Who did it, what they said, and how late a timer was. */
function circumstances(data: WorkflowEvent["data"]): string {
  const by = data.by ? `, by ${String(data.by)}` : "";
  const late = data.late_by_ms ? `, ${duration(Number(data.late_by_ms))} late` : "";
  return `${by}${late}${data.comment ? `: “${String(data.comment)}”` : ""}`;
}

const DETAILS = ["FLOW_SIGNALED", "EVENT_LISTENER_ACTIVATED", "COMMAND_EXECUTED"];

/** The small steps: what the list leaves out unless asked for all. */
export function isDetail(event: WorkflowEvent): boolean {
  return DETAILS.includes(event.type);
}
