/**
 * A definition as the designer holds it: the very JSON that is saved, never changed in
 * place.
 *
 * Nothing is read into another shape and written back, so what the designer does not know
 * stays as its author wrote it. Pure.
 */

export type Json = Readonly<Record<string, unknown>>;

export interface Part extends Json {
  readonly id: string;
  readonly elementType: string;
}

export interface Definition extends Json {
  readonly id: string;
  readonly elements: readonly Part[];
}

export interface Target extends Json {
  readonly inputNodeId: string;
  readonly target?: unknown;
}

export interface Variable extends Json {
  readonly name: string;
  readonly type: string;
  readonly value: unknown;
}

/** What every new flow begins with. */
export function emptyDefinition(id: string): Definition {
  return { id, version: "1", elements: [] };
}

export const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value of a field that is a text. */
export function textOf(json: Json | null | undefined, name: string): string | null {
  const value = json?.[name];
  return typeof value === "string" ? value : null;
}

/** Why a document cannot be drawn; null: it can. */
export type Flaw =
  | { readonly is: "not_an_object" }
  | { readonly is: "no_elements" }
  | { readonly is: "no_id" }
  | { readonly is: "element_not_an_object"; readonly place: number }
  | { readonly is: "element_without_id"; readonly place: number }
  | { readonly is: "same_id"; readonly id: string };

/** Whether a document has the outer form of a definition: what is drawn must have a name. */
export function flawOf(document: unknown): Flaw | null {
  if (!isRecord(document)) return { is: "not_an_object" };
  if (textOf(document, "id") === null) return { is: "no_id" };
  const { elements } = document;
  if (!Array.isArray(elements)) return { is: "no_elements" };
  const known = new Set<string>();
  for (const [place, element] of elements.entries()) {
    if (!isRecord(element)) return { is: "element_not_an_object", place };
    const id = textOf(element, "id");
    if (!id || textOf(element, "elementType") === null) return { is: "element_without_id", place };
    if (known.has(id)) return { is: "same_id", id };
    known.add(id);
  }
  return null;
}

/** As a definition, if it has the outer form of one; an absent list of elements is empty. */
export function definitionOf(document: unknown): Definition | null {
  const whole =
    isRecord(document) && document.elements === undefined
      ? { ...document, elements: [] }
      : document;
  return flawOf(whole) === null ? (whole as Definition) : null;
}

export const isLink = (part: Part): boolean => part.elementType === "FLOW";
export const isPhase = (part: Part): boolean => part.elementType === "PHASE";
export const isListener = (part: Part): boolean => part.elementType === "EVENT_LISTENER";
export const isGateway = (part: Part): boolean => part.elementType === "GATEWAY";
export const typeOf = (part: Part): string => textOf(part, "type") ?? "";
export const isConditional = (part: Part): boolean =>
  isGateway(part) && typeOf(part) === "CONDITIONAL";

/** The elements by id; made once for a list that never changes. */
const indices = new WeakMap<readonly Part[], ReadonlyMap<string, Part>>();

export function partOf({ elements }: Definition, id: string): Part | undefined {
  let index = indices.get(elements);
  if (!index) {
    index = new Map(elements.map((one) => [one.id, one]));
    indices.set(elements, index);
  }
  return index.get(id);
}

/** Everything that is drawn as a shape. */
export function shapesOf(definition: Definition): readonly Part[] {
  return definition.elements.filter((one) => !isLink(one));
}

export function linksOf(definition: Definition): readonly Part[] {
  return definition.elements.filter(isLink);
}

export function linksFrom(definition: Definition, id: string): readonly Part[] {
  return linksOf(definition).filter((one) => one.srcId === id);
}

/** The phase a listener sits on, if there is such a phase. */
export function phaseOf(definition: Definition, part: Part): Part | null {
  const id = isListener(part) ? textOf(part, "phaseId") : null;
  const phase = id === null ? undefined : partOf(definition, id);
  return phase && isPhase(phase) ? phase : null;
}

export function listenersOn(definition: Definition, phase: string): readonly Part[] {
  return definition.elements.filter((one) => isListener(one) && one.phaseId === phase);
}

export function commandsOf(phase: Part): readonly Json[] {
  return Array.isArray(phase.commands) ? phase.commands.filter(isRecord) : [];
}

export function targetsOf(command: Json): readonly Target[] {
  const data = isRecord(command.data) ? command.data : {};
  return Array.isArray(data.targets) ? (data.targets.filter(isRecord) as Target[]) : [];
}

export function variablesOf(definition: Definition): readonly Variable[] {
  const { variables } = definition;
  return Array.isArray(variables) ? (variables.filter(isRecord) as Variable[]) : [];
}

const PLACEHOLDER = /^\$\{([A-Za-z_][A-Za-z0-9_]{0,63})\}$/;

/** The variable a value names as a whole: `${threshold}`. */
export function variableIn(value: unknown): string | null {
  return typeof value === "string" ? (PLACEHOLDER.exec(value)?.[1] ?? null) : null;
}

/** Whether two documents say the same; the order of an object's fields says nothing. */
export function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, place) => isSame(item, other[place]));
  }
  if (!isRecord(one) || !isRecord(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => name in other && isSame(one[name], other[name]))
  );
}
