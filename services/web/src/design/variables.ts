/** Variables of a definition: declared, renamed wherever they stand, removed. Pure. */

import {
  type Definition,
  isRecord,
  type Part,
  type Variable,
  variableIn,
  variablesOf,
} from "./document";
import { withField } from "./edits";
import { PLACES } from "./rules";

const VALUES: Readonly<Record<string, unknown>> = {
  number: 0,
  integer: 0,
  boolean: false,
  text: "text",
};
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

export const isVariableName = (name: string): boolean => NAME.test(name);

/** A value that a variable of this type may have. */
export const firstValue = (type: string): unknown => VALUES[type] ?? "text";

export function addVariable(definition: Definition): Definition {
  const taken = new Set(variablesOf(definition).map(({ name }) => name));
  let number = 1;
  while (taken.has(`variable_${number}`)) number += 1;
  const fresh: Variable = { name: `variable_${number}`, type: "number", value: 0 };
  return { ...definition, variables: [...variablesOf(definition), fresh] };
}

export function changeVariable(
  definition: Definition,
  place: number,
  edit: (variable: Variable) => Variable,
): Definition {
  const variables = variablesOf(definition);
  const former = variables[place];
  if (!former) return definition;
  const next = edit(former);
  return next === former ? definition : { ...definition, variables: variables.with(place, next) };
}

/** Removes a declaration; a definition without any has no list of them either. */
export function removeVariable(definition: Definition, place: number): Definition {
  const left = variablesOf(definition).toSpliced(place, 1);
  return withField(definition, "variables", left.length ? left : undefined);
}

/** Renames a variable and every place that names it; refuses what is no name, or taken. */
export function renameVariable(definition: Definition, place: number, next: string): Definition {
  const variables = variablesOf(definition);
  const former = variables[place]?.name;
  if (former === undefined || !isVariableName(next)) return definition;
  if (variables.some(({ name }) => name === next)) return definition;
  const renamed = changeVariable(definition, place, (one) => ({ ...one, name: next }));
  return {
    ...renamed,
    elements: definition.elements.map((one) => filled(one, former, next) as Part),
  };
}

function filled(value: unknown, former: string, next: string): unknown {
  if (Array.isArray(value)) return value.map((one) => filled(one, former, next));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const isIt = (PLACES as readonly string[]).includes(name) && variableIn(inner) === former;
      return [name, isIt ? `\${${next}}` : filled(inner, former, next)];
    }),
  );
}

/** How often each variable stands in the elements. */
export function usesOf(definition: Definition): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  const look = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(look);
    else if (isRecord(value)) {
      for (const [name, inner] of Object.entries(value)) {
        const variable = (PLACES as readonly string[]).includes(name) ? variableIn(inner) : null;
        if (variable !== null) uses.set(variable, (uses.get(variable) ?? 0) + 1);
        else look(inner);
      }
    }
  };
  look(definition.elements);
  return uses;
}
