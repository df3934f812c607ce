/**
 * The author's workflow as the page draws it.
 *
 * Reads both shapes in use (OSPIN 004's and the upstream library's) and is lenient: the
 * backend has checked the workflow, the page only shows it. Throws `NotAWorkflow` when
 * there is nothing to show.
 */

import { t } from "../texts";

export interface Setpoint {
  readonly node: string;
  readonly target: unknown;
}

export interface Phase {
  readonly kind: "phase";
  readonly id: string;
  readonly label: string;
  readonly setpoints: readonly Setpoint[];
}

export type Operand =
  | { readonly is: "value"; readonly value: unknown }
  | { readonly is: "sensor"; readonly node: string }
  | { readonly is: "activations"; readonly gateway: string }
  | { readonly is: "group"; readonly condition: Condition };

export interface Condition {
  readonly operator: string;
  readonly operands: readonly Operand[];
  readonly sustainMs: number;
  readonly deviation: number;
}

export interface EventListener {
  readonly kind: "listener";
  readonly id: string;
  readonly label: string;
  readonly type: string;
  readonly phase: string | null;
  readonly isInterrupting: boolean;
  readonly durationMs: number;
  readonly condition: Condition | null;
}

export interface Gateway {
  readonly kind: "gateway";
  readonly id: string;
  readonly label: string;
  readonly type: string;
  readonly condition: Condition | null;
  readonly trueLink: string | null;
  readonly falseLink: string | null;
}

export interface Dispatcher {
  readonly kind: "dispatcher";
  readonly id: string;
  readonly label: string;
  readonly type: string;
}

export interface Link {
  readonly id: string;
  readonly from: string;
  readonly to: string;
}

export type Element = Phase | EventListener | Gateway | Dispatcher;

export interface Workflow {
  readonly elements: ReadonlyMap<string, Element>;
  readonly links: readonly Link[];
}

export class NotAWorkflow extends Error {
  override readonly name = "NotAWorkflow";
}

type Json = Readonly<Record<string, unknown>>;

const record = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
const number = (value: unknown): number => (typeof value === "number" ? value : 0);

export function parseWorkflow(definition: unknown): Workflow {
  const elements = new Map<string, Element>();
  const links: Link[] = [];
  for (const one of list(record(definition).elements).map(record)) {
    const id = text(one.id);
    if (id === null) continue;
    if (one.elementType === "FLOW") {
      links.push({ id, from: text(one.srcId) ?? "", to: text(one.destId) ?? "" });
      continue;
    }
    const element = parseElement(id, one);
    if (element) elements.set(id, element);
  }
  if (elements.size === 0) throw new NotAWorkflow(t.run.words.nothing);
  return {
    elements,
    links: links.filter(({ from, to }) => elements.has(from) && elements.has(to)),
  };
}

function parseElement(id: string, json: Json): Element | null {
  const label = text(json.label) ?? text(json.name) ?? id;
  const type = text(json.type) ?? "";
  switch (json.elementType) {
    case "PHASE":
      return { kind: "phase", id, label, setpoints: parseSetpoints(json.commands) };
    case "EVENT_LISTENER":
      return {
        kind: "listener",
        id,
        label,
        type,
        phase: text(json.phaseId),
        isInterrupting: json.interrupting !== false,
        durationMs: number(json.durationInMS),
        condition: parseCondition(json.condition),
      };
    case "GATEWAY":
      return {
        kind: "gateway",
        id,
        label,
        type,
        condition: parseCondition(json.condition),
        trueLink: text(json.trueFlowId),
        falseLink: text(json.falseFlowId),
      };
    case "EVENT_DISPATCHER":
      return { kind: "dispatcher", id, label, type };
    default:
      return null;
  }
}

function parseSetpoints(commands: unknown): Setpoint[] {
  return list(commands)
    .flatMap((command) => list(record(record(command).data).targets))
    .map(record)
    .map(({ inputNodeId, target }) => ({ node: text(inputNodeId) ?? "", target }));
}

function parseCondition(value: unknown): Condition | null {
  const json = record(value);
  const operator = text(json.operator);
  if (operator === null) return null;
  const options = record(json.options);
  const operands = Array.isArray(json.conditions) ? json.conditions : [json.left, json.right];
  return {
    operator,
    operands: operands.map(parseOperand),
    sustainMs: number(options.sustainTimeInMS ?? options.consecutiveTimeMS),
    deviation: number(options.allowedDeviation),
  };
}

function parseOperand(value: unknown): Operand {
  const json = record(value);
  const source = "dataSource" in json ? record(json.dataSource) : json;
  const from = record(source.data);
  if (source.type === "SENSOR_DATA") {
    return { is: "sensor", node: text(from.reporterFctId) ?? "" };
  }
  if (source.type === "GATEWAY") {
    return { is: "activations", gateway: text(from.gatewayId) ?? "" };
  }
  const condition = parseCondition(value);
  return condition ? { is: "group", condition } : { is: "value", value };
}

/** The listeners bound to a phase. */
export function listenersOf(workflow: Workflow, phase: string): EventListener[] {
  return [...workflow.elements.values()].filter(
    (one): one is EventListener => one.kind === "listener" && one.phase === phase,
  );
}
