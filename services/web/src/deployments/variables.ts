/** Variables of a release, and values as people write them. Pure. */

import type { FlowVersion } from "../contract";

export const VARIABLE_TYPES = ["number", "integer", "boolean", "text"] as const;
export type VariableType = (typeof VARIABLE_TYPES)[number];

export interface Variable {
  readonly name: string;
  readonly type: VariableType;
  readonly value: unknown; // its default
  readonly description: string;
}

/** A value for some devices: those a selector fits, or one. */
export interface NamedValue {
  readonly whose: string;
  readonly name: string;
  readonly text: string;
}

/** The variables that a workflow declares; what is not as it should be is left out. */
export function declaredIn(definition: FlowVersion["definition"]): readonly Variable[] {
  const listed = definition.variables;
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((one: unknown): readonly Variable[] => {
    if (typeof one !== "object" || one === null) return [];
    const { name, type, value, description } = one as Readonly<Record<string, unknown>>;
    const known = VARIABLE_TYPES.find((each) => each === type);
    if (typeof name !== "string" || !known) return [];
    return [{ name, type: known, value, description: String(description ?? "") }];
  });
}

/** The value a text stands for; undefined if it is none of the type. */
export function readValue(type: VariableType | null, text: string): unknown {
  const written = text.trim();
  switch (type) {
    case "number":
    case "integer": {
      const isNumber = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(written);
      const number = isNumber ? Number(written) : Number.NaN;
      const fits = type === "integer" ? Number.isInteger(number) : Number.isFinite(number);
      return fits ? number : undefined;
    }
    case "boolean":
      return { true: true, false: false }[written.toLowerCase()];
    case "text":
      return text === "" ? undefined : text;
    case null:
      return undefined; // the release has no such variable
  }
}
