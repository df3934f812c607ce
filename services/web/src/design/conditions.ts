/**
 * Conditions as authors write them, edited in the shape they have.
 *
 * Two shapes mean the same (docs/reference/workflow-language.md): a group is `left` and
 * `right`, or `conditions`; a data source stands bare, or inside `dataSource`. Pure.
 */

import { isRecord, type Json, textOf, variableIn } from "./document";
import { withField } from "./edits";
import { JOINTS } from "./rules";

export type Operand =
  | { readonly is: "tag"; readonly node: string }
  | { readonly is: "activations"; readonly gateway: string }
  | { readonly is: "number"; readonly value: number }
  | { readonly is: "text"; readonly value: string }
  | { readonly is: "boolean"; readonly value: boolean }
  | { readonly is: "variable"; readonly name: string }
  | { readonly is: "condition"; readonly condition: Json }
  | { readonly is: "empty" };

export type OperandKind = Operand["is"];

/** Where a new condition begins: a tag at or above a number. */
export const NEW_COMPARISON: Json = {
  left: { type: "SENSOR_DATA", data: { reporterFctId: "" } },
  operator: ">=",
  right: 0,
};

export function isGroup(condition: Json): boolean {
  const operator = textOf(condition, "operator") ?? "";
  return (JOINTS as readonly string[]).includes(operator) || "conditions" in condition;
}

/** What a group joins. */
export function membersOf(condition: Json): readonly Operand[] {
  if (Array.isArray(condition.conditions)) return condition.conditions.map(operandOf);
  return [operandOf(condition.left), operandOf(condition.right)];
}

/** Puts other members into a group, in its own shape as long as they fit. */
export function withMembers(condition: Json, members: readonly Operand[]): Json {
  const [only] = members;
  if (members.length === 1 && only?.is === "condition") return only.condition;
  const { left: _left, right: _right, conditions, ...rest } = condition;
  if (conditions === undefined && members.length === 2) {
    const [left, right] = members.map((one) => writtenOperand(one));
    return { ...rest, left, right };
  }
  return { ...rest, conditions: members.map(asCondition) };
}

/** A list of conditions joins nothing else: `true` becomes `true == true`. */
function asCondition(member: Operand): unknown {
  if (member.is === "condition") return member.condition;
  return { left: writtenOperand(member), operator: "==", right: true };
}

export function withMember(condition: Json, place: number, member: Operand): Json {
  if (Array.isArray(condition.conditions)) {
    const next = writtenOperand(member, condition.conditions[place]);
    return { ...condition, conditions: condition.conditions.with(place, next) };
  }
  return withSide(condition, place === 0 ? "left" : "right", member);
}

export function operandOf(value: unknown): Operand {
  const variable = variableIn(value);
  if (variable !== null) return { is: "variable", name: variable };
  if (typeof value === "number") return { is: "number", value };
  if (typeof value === "string") return { is: "text", value };
  if (typeof value === "boolean") return { is: "boolean", value };
  if (!isRecord(value)) return { is: "empty" };
  const source = isRecord(value.dataSource) ? value.dataSource : value;
  const data = isRecord(source.data) ? source.data : {};
  if (source.type === "SENSOR_DATA")
    return { is: "tag", node: textOf(data, "reporterFctId") ?? "" };
  if (source.type === "GATEWAY") {
    return { is: "activations", gateway: textOf(data, "gatewayId") ?? "" };
  }
  return { is: "condition", condition: value };
}

/** The JSON of an operand; a data source is wrapped if the `former` one was. */
export function writtenOperand(operand: Operand, former: unknown = undefined): unknown {
  const isWrapped = isRecord(former) && isRecord(former.dataSource);
  const source = (type: string, data: Json) =>
    isWrapped ? { dataSource: { type, data } } : { type, data };
  switch (operand.is) {
    case "tag":
      return source("SENSOR_DATA", { reporterFctId: operand.node });
    case "activations":
      return source("GATEWAY", { gatewayId: operand.gateway, property: "activations" });
    case "variable":
      return `\${${operand.name}}`;
    case "condition":
      return operand.condition;
    case "empty":
      return null;
    default:
      return operand.value;
  }
}

export function withSide(condition: Json, side: "left" | "right", operand: Operand): Json {
  return withField(condition, side, writtenOperand(operand, condition[side]));
}

/** Two conditions joined, the former first. */
export function joined(condition: Json, joint: string): Json {
  return { left: condition, operator: joint, right: NEW_COMPARISON };
}

const SUSTAIN = ["sustainTimeInMS", "consecutiveTimeMS"] as const;
type Option = "sustain" | "deviation";

function nameOf(options: Json, option: Option): string {
  if (option === "deviation") return "allowedDeviation";
  return SUSTAIN.find((name) => name in options) ?? SUSTAIN[0];
}

/** An option's value, as it is written: a number, or a variable. */
export function optionOf(condition: Json, option: Option): unknown {
  const options = isRecord(condition.options) ? condition.options : {};
  return options[nameOf(options, option)];
}

/** Sets an option; undefined takes it out, and the options with their last one. */
export function withOption(condition: Json, option: Option, value: unknown): Json {
  const options = isRecord(condition.options) ? condition.options : {};
  const next = withField(options, nameOf(options, option), value);
  return withField(condition, "options", Object.keys(next).length ? next : undefined);
}
