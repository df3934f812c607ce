/**
 * Edits of a definition: each takes one and gives the next, or the same when there is
 * nothing to change or the language forbids it. Pure.
 */

import { refusal } from "./connect";
import {
  type Definition,
  isConditional,
  isGateway,
  isLink,
  isListener,
  isPhase,
  isRecord,
  type Json,
  linksFrom,
  listenersOn,
  type Part,
  partOf,
  textOf,
} from "./document";
import { FIELDS } from "./rules";

export type Branch = "trueFlowId" | "falseFlowId";
export const BRANCHES: readonly Branch[] = ["trueFlowId", "falseFlowId"];

/** What a new element is. */
export interface Kind {
  readonly elementType: string;
  readonly type?: string;
}

export interface Added {
  readonly definition: Definition;
  readonly id: string;
}

const STEMS: Readonly<Record<string, string>> = {
  PHASE: "phase",
  EVENT_LISTENER: "eventListener",
  GATEWAY: "gateway",
  EVENT_DISPATCHER: "eventDispatcher",
  FLOW: "flow",
};

/** The first of `phase_1`, `phase_2` and so on that no element has. */
export function freeId(definition: Definition, elementType: string): string {
  const taken = new Set(definition.elements.map(({ id }) => id));
  return firstFree(STEMS[elementType] ?? "element", taken);
}

function firstFree(stem: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number += 1) {
    if (!taken.has(`${stem}_${number}`)) return `${stem}_${number}`;
  }
}

const withElements = (definition: Definition, elements: readonly Part[]): Definition => ({
  ...definition,
  elements,
});

export function add(
  definition: Definition,
  { elementType, type }: Kind,
  phase: string | null = null,
): Added {
  const id = freeId(definition, elementType);
  const part: Part = {
    id,
    elementType,
    ...(type === undefined ? {} : { type }),
    ...(phase !== null && elementType === "EVENT_LISTENER" ? { phaseId: phase } : {}),
    ...(type === "TIMER" ? { durationInMS: 60_000 } : {}),
    ...(elementType === "PHASE" ? { commands: [] } : {}),
  };
  return { definition: withElements(definition, [...definition.elements, part]), id };
}

/** Changes one element; an edit that gives the same one changes nothing. */
export function change(definition: Definition, id: string, edit: (part: Part) => Part): Definition {
  const former = partOf(definition, id);
  if (!former) return definition;
  const next = edit(former);
  if (next === former) return definition;
  return withElements(
    definition,
    definition.elements.map((one) => (one === former ? next : one)),
  );
}

/** Sets a field, or takes it out where the value is undefined. */
export function setField(
  definition: Definition,
  id: string,
  name: string,
  value: unknown,
): Definition {
  return change(definition, id, (part) => withField(part, name, value));
}

export function withField<T extends Json>(json: T, name: string, value: unknown): T {
  if (json[name] === value && name in json === (value !== undefined)) return json;
  if (value !== undefined) return { ...json, [name]: value };
  const { [name]: _gone, ...rest } = json;
  return rest as T;
}

/** Makes an element another of its kind; what the new one does not have is left out. */
export function setType(definition: Definition, id: string, type: string): Definition {
  return change(definition, id, (part) => {
    if (part.type === type) return part;
    const fields = FIELDS[`${part.elementType}/${type}`];
    if (!fields) return part;
    const known = new Set(Object.values(FIELDS).flat());
    const kept = Object.entries(part).filter(([name]) => fields.includes(name) || !known.has(name));
    const added = type === "TIMER" ? { durationInMS: 60_000 } : {};
    return { ...added, ...Object.fromEntries(kept), id, elementType: part.elementType, type };
  });
}

/** Puts a listener on a phase, or takes it off. */
export function bind(definition: Definition, id: string, phase: string | null): Definition {
  const target = phase === null ? undefined : partOf(definition, phase);
  if (phase !== null && !(target && isPhase(target))) return definition;
  return change(definition, id, (part) =>
    isListener(part) ? withField(part, "phaseId", phase ?? undefined) : part,
  );
}

/** Draws a link, as a branch of a conditional gateway if told so or if one is missing. */
export function connect(
  definition: Definition,
  from: string,
  to: string,
  branch: Branch | null = null,
): Definition {
  const source = partOf(definition, from);
  if (!source || refusal(definition, from, to) !== null) return definition;
  const leaving = linksFrom(definition, from).map(({ id }) => id);
  const isThere = (name: Branch) => leaving.includes(textOf(source, name) ?? "");
  if (branch !== null && isConditional(source) && isThere(branch)) {
    return moveLink(definition, textOf(source, branch) ?? "", from, to);
  }
  const id = freeId(definition, "FLOW");
  const link: Part = { id, elementType: "FLOW", srcId: from, destId: to };
  const drawn = withElements(definition, [...definition.elements, link]);
  if (!isConditional(source)) return drawn;
  const free = branch ?? BRANCHES.find((name) => !isThere(name));
  return free ? setField(drawn, from, free, id) : drawn;
}

/** Leads a link elsewhere. A branch that leaves its gateway is no branch of it any more. */
export function moveLink(definition: Definition, id: string, from: string, to: string): Definition {
  const link = partOf(definition, id);
  if (!link || !isLink(link) || refusal(definition, from, to, id) !== null) return definition;
  const moved = change(definition, id, (one) =>
    withField(withField(one, "srcId", from), "destId", to),
  );
  return link.srcId === from ? moved : withoutBranches(moved, new Set([id]));
}

/** Makes a link one branch of the conditional gateway it leaves, and not the other. */
export function asBranch(definition: Definition, id: string, branch: Branch): Definition {
  const gateway = partOf(definition, textOf(partOf(definition, id), "srcId") ?? "");
  if (!gateway || !isConditional(gateway)) return definition;
  const freed = withoutBranches(definition, new Set([id]));
  return setField(freed, gateway.id, branch, id);
}

function withoutBranches(definition: Definition, gone: ReadonlySet<string>): Definition {
  const named = (part: Part, name: Branch) => gone.has(textOf(part, name) ?? "");
  if (!definition.elements.some((one) => BRANCHES.some((name) => named(one, name)))) {
    return definition;
  }
  return withElements(
    definition,
    definition.elements.map((one) =>
      BRANCHES.reduce(
        (part, name) => (named(part, name) ? withField(part, name, undefined) : part),
        one,
      ),
    ),
  );
}

/** Removes elements, the listeners of removed phases, and the links of all these. */
export function remove(definition: Definition, ids: Iterable<string>): Definition {
  const gone = new Set(ids);
  for (const id of [...gone]) {
    for (const listener of listenersOn(definition, id)) gone.add(listener.id);
  }
  for (const one of definition.elements) {
    if (isLink(one) && (gone.has(String(one.srcId)) || gone.has(String(one.destId)))) {
      gone.add(one.id);
    }
  }
  const kept = definition.elements.filter(({ id }) => !gone.has(id));
  if (kept.length === definition.elements.length) return definition;
  return withoutBranches(withElements(definition, kept), gone);
}

/** The chosen elements, the listeners of chosen phases, and the links among them. */
export function copyOf(definition: Definition, ids: Iterable<string>): readonly Part[] {
  const chosen = new Set(ids);
  for (const id of [...chosen]) {
    for (const listener of listenersOn(definition, id)) chosen.add(listener.id);
  }
  return definition.elements.filter((one) =>
    isLink(one)
      ? chosen.has(String(one.srcId)) && chosen.has(String(one.destId))
      : chosen.has(one.id),
  );
}

export interface Pasted {
  readonly definition: Definition;
  readonly renamed: ReadonlyMap<string, string>; // what was copied -> what came of it
}

/** Puts copies in, under new ids; what they say of each other they say of the copies. */
export function paste(definition: Definition, parts: readonly Part[]): Pasted {
  const taken = new Set(definition.elements.map(({ id }) => id));
  const renamed = new Map<string, string>();
  for (const { id, elementType } of parts) {
    const fresh = firstFree(STEMS[elementType] ?? "element", taken);
    taken.add(fresh);
    renamed.set(id, fresh);
  }
  const copies = parts.map((part) => copied(definition, part, renamed));
  return {
    definition: parts.length
      ? withElements(definition, [...definition.elements, ...copies])
      : definition,
    renamed,
  };
}

function copied(definition: Definition, part: Part, renamed: ReadonlyMap<string, string>): Part {
  const copy = referring({ ...part, id: renamed.get(part.id) ?? part.id }, renamed);
  const phase = textOf(copy, "phaseId");
  const isLost = phase !== null && !partOf(definition, phase) && phase === part.phaseId;
  const whole = isLost ? withField(copy, "phaseId", undefined) : copy;
  return BRANCHES.reduce(
    (one, name) => (renamed.has(textOf(part, name) ?? "") ? one : withField(one, name, undefined)),
    whole,
  );
}

/** Gives an element another id, wherever it is named; refuses one that is taken. */
export function rename(definition: Definition, id: string, next: string): Definition {
  if (id === next || next === "" || !partOf(definition, id)) return definition;
  if (partOf(definition, next)) return definition;
  const renamed = new Map([[id, next]]);
  return withElements(
    definition,
    definition.elements.map((one) =>
      referring(one.id === id ? { ...one, id: next } : one, renamed),
    ),
  );
}

const REFERENCES = ["phaseId", "srcId", "destId", ...BRANCHES] as const;

function referring(part: Part, renamed: ReadonlyMap<string, string>): Part {
  let next = part;
  for (const name of REFERENCES) {
    const fresh = renamed.get(textOf(part, name) ?? "");
    if (fresh !== undefined) next = withField(next, name, fresh);
  }
  const hasCondition = isRecord(part.condition) && (isListener(part) || isGateway(part));
  return hasCondition ? withField(next, "condition", watching(part.condition, renamed)) : next;
}

/** A condition's data sources name gateways. */
function watching(value: unknown, renamed: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((one) => watching(one, renamed));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const fresh = name === "gatewayId" ? renamed.get(String(inner)) : undefined;
      return [name, fresh ?? watching(inner, renamed)];
    }),
  );
}
