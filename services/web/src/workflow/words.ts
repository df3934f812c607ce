/** Workflow elements in words: conditions, setpoints, durations, events. */

import type { Tag, WorkflowEvent } from "../contract";
import { t } from "../texts";
import type { Condition, Element, Operand, Phase, Workflow } from "./definition";

const { words } = t.run;

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

export function conditionInWords(condition: Condition, nodes: Nodes): string {
  const { operator, operands, deviation, sustainMs } = condition;
  const comparison = operands
    .map((one) => operandInWords(one, nodes))
    .join(` ${words.signs[operator] ?? operator} `);
  const within = deviation ? ` (±${deviation})` : "";
  return `${comparison}${within}${sustainMs ? words.forAs(duration(sustainMs)) : ""}`;
}

function operandInWords(operand: Operand, nodes: Nodes): string {
  switch (operand.is) {
    case "sensor":
      return nodes.get(operand.node)?.tag ?? short(operand.node);
    case "activations":
      return words.activations;
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
    const unit = tag?.unit ? ` ${tag.unit}` : "";
    return words.sets(tag?.tag ?? short(node), `${String(target)}${unit}`);
  });
}

/** An element by kind and name, e.g. `Timer eventListener_2`. */
export function elementInWords(element: Element | undefined, id: string): string {
  const label = short(element?.label ?? id);
  switch (element?.kind) {
    case "phase":
      return words.phase(label);
    case "listener":
      return `${words.listeners[element.type] ?? element.type} ${label}`;
    case "gateway":
      return words.gateway(label);
    case "dispatcher":
      return `${element.type} ${label}`;
    case undefined:
      return label;
  }
}

/** An event as a sentence. */
export function eventInWords(event: WorkflowEvent, workflow: Workflow | null): string {
  const { data } = event;
  const name = (id: unknown) => elementInWords(workflow?.elements.get(String(id)), String(id));
  switch (event.type) {
    case "PHASE_STARTED":
      return words.started(name(data.phaseId));
    case "EVENT_LISTENER_ACTIVATED":
      return words.listening(name(data.eventListenerId));
    case "EVENT_RECEIVED": {
      const listener = name(data.eventListenerId);
      return (data.forced ? words.forced(listener) : words.fired(listener)) + circumstances(data);
    }
    case "FLOW_SIGNALED":
      return words.signalled(short(String(data.flowId)));
    case "GATEWAY_ACTIVATED":
      return words.activated(name(data.gatewayId));
    case "DISPATCHED_EVENT":
      return words.dispatched(name(data.eventDispatcherId));
    case "WORKFLOW_TERMINATED":
      return words.terminated(data.reason ? String(data.reason) : "");
    case "COMMAND_EXECUTED":
      return words.executed(short(String(data.commandId)), name(data.phaseId));
    case "COMMAND_FAILED":
      return words.failed(short(String(data.commandId)), name(data.phaseId), String(data.error));
    default:
      return words.plain[event.type] ?? event.type;
  }
}

/** Who did it, what they said, and how late a timer was. */
function circumstances(data: WorkflowEvent["data"]): string {
  const by = data.by ? words.by(String(data.by)) : "";
  const late = data.late_by_ms ? words.late(duration(Number(data.late_by_ms))) : "";
  return `${by}${late}${data.comment ? words.comment(String(data.comment)) : ""}`;
}

const DETAILS = ["FLOW_SIGNALED", "EVENT_LISTENER_ACTIVATED", "COMMAND_EXECUTED"];

/** The small steps: what the list leaves out unless asked for all. */
export function isDetail(event: WorkflowEvent): boolean {
  return DETAILS.includes(event.type);
}
