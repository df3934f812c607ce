/** What an element is and does, in words: short lines for its shape, sentences for people. */

import {
  type Definition,
  isConditional,
  isListener,
  isPhase,
  isRecord,
  linksFrom,
  linksOf,
  listenersOn,
  type Part,
  partOf,
  textOf,
  typeOf,
  variableIn,
} from "../../design/document";
import { setpointsOf } from "../../design/setpoints";
import { durationText } from "../../design/units";
import { t } from "../../texts";
import type { EventListener } from "../../workflow/definition";
import { parseWorkflow } from "../../workflow/definition";
import { conditionInWords, type Nodes, short } from "../../workflow/words";

const does = t.designer.does;

/** The kind and the name: `Timer eventListener_2`. */
export function nameOf(part: Part): string {
  const kinds: Readonly<Record<string, string>> = t.designer.kinds;
  const kind = kinds[typeOf(part)] ?? t.designer.typeNames[part.elementType] ?? part.elementType;
  return `${kind} ${part.id}`;
}

export function durationWords(value: unknown): string {
  const variable = variableIn(value);
  if (variable !== null) return variable;
  return typeof value === "number" ? durationText(value) : durationText(0);
}

export function conditionWords(condition: unknown, nodes: Nodes): string | null {
  if (!isRecord(condition) || Object.keys(condition).length === 0) return null;
  const elements = [{ id: "it", elementType: "EVENT_LISTENER", type: "CONDITION", condition }];
  const parsed = parseWorkflow({ elements }).elements.get("it") as EventListener;
  return parsed.condition ? conditionInWords(parsed.condition, nodes) : null;
}

function setpointWords(phase: Part, nodes: Nodes): readonly string[] {
  return setpointsOf(phase).map(({ target: { inputNodeId, target } }) => {
    const tag = nodes.get(inputNodeId);
    const name = tag?.tag ?? short(String(inputNodeId));
    const value = variableIn(target) ?? (target === undefined ? does.noneYet : String(target));
    return `${name} → ${value}${tag?.unit ? ` ${tag.unit}` : ""}`;
  });
}

/** What stands in or beside a shape. */
export function linesOf(part: Part, nodes: Nodes): readonly string[] {
  if (isPhase(part))
    return setpointWords(part, nodes).map((one) => one.replace(/[._]?setpoint\b/, ""));
  switch (typeOf(part)) {
    case "TIMER":
      return [durationWords(part.durationInMS)];
    case "CONDITION":
    case "CONDITIONAL":
      return [conditionWords(part.condition, nodes) ?? does.noCondition];
    case "APPROVAL":
    case "START":
      return [t.designer.kinds[typeOf(part) as "START" | "APPROVAL"]];
    default:
      return [];
  }
}

/** What the element does, in whole sentences. */
export function sentencesOf(definition: Definition, part: Part, nodes: Nodes): string {
  if (isPhase(part)) return phaseSentences(definition, part, nodes);
  if (isListener(part)) {
    return [fires(part, nodes), listens(definition, part), leads(definition, part)]
      .filter(Boolean)
      .join(" ");
  }
  if (isConditional(part)) {
    const words = conditionWords(part.condition, nodes);
    return words ? does.CONDITIONAL(words) : does.CONDITIONAL_OPEN;
  }
  if (part.elementType === "FLOW") return does.FLOW(String(part.srcId), String(part.destId));
  const plain: Readonly<Record<string, string>> = {
    AND: does.AND,
    OR: does.OR,
    END: does.END,
    ALERT: does.ALERT,
  };
  return plain[typeOf(part)] ?? "";
}

function phaseSentences(definition: Definition, phase: Part, nodes: Nodes): string {
  const sets = setpointWords(phase, nodes);
  const ends = listenersOn(definition, phase.id)
    .filter(({ interrupting }) => interrupting !== false)
    .map((listener) => until(listener, nodes));
  return [
    sets.length ? does.PHASE(sets.join(", ")) : does.PHASE_EMPTY,
    ends.length ? does.until(ends.join(does.or)) : does.forever,
  ].join(" ");
}

function until(listener: Part, nodes: Nodes): string {
  switch (typeOf(listener)) {
    case "TIMER":
      return does.untilTimer(durationWords(listener.durationInMS));
    case "APPROVAL":
      return does.untilApproval;
    case "CONDITION":
      return does.untilCondition(conditionWords(listener.condition, nodes) ?? does.noneYet);
    default:
      return does.untilOther(listener.id);
  }
}

function fires(listener: Part, nodes: Nodes): string {
  switch (typeOf(listener)) {
    case "START":
      return does.START;
    case "TIMER":
      return does.TIMER(durationWords(listener.durationInMS));
    case "APPROVAL":
      return does.APPROVAL;
    case "CONDITION": {
      const words = conditionWords(listener.condition, nodes);
      return words ? does.CONDITION(words) : does.CONDITION_OPEN;
    }
    default:
      return "";
  }
}

function listens(definition: Definition, listener: Part): string {
  const phase = textOf(listener, "phaseId");
  if (phase !== null) {
    return does.bound(phase) + (listener.interrupting === false ? does.goesOn : does.ends);
  }
  if (typeOf(listener) === "START") return "";
  const isWoken = linksOf(definition).some(({ destId }) => destId === listener.id);
  return isWoken ? does.woken : does.global;
}

function leads(definition: Definition, listener: Part): string {
  const targets = linksFrom(definition, listener.id).flatMap(({ destId }) => {
    const target = partOf(definition, String(destId));
    return target ? [nameOf(target)] : [];
  });
  return targets.length ? does.leads(targets.join(does.and)) : "";
}
