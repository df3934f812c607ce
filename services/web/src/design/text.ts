/** A definition as JSON text, and back. Pure. */

import { type Definition, definitionOf, type Flaw, flawOf, isRecord } from "./document";

export function textOfDefinition(definition: Definition): string {
  return JSON.stringify(definition, null, 2);
}

export type Reading =
  | { readonly is: "definition"; readonly definition: Definition }
  | { readonly is: "not_json"; readonly message: string }
  | { readonly is: "flawed"; readonly flaw: Flaw };

export function readText(text: string): Reading {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return { is: "not_json", message: error instanceof Error ? error.message : String(error) };
  }
  const definition = definitionOf(document);
  if (definition) return { is: "definition", definition };
  const whole =
    isRecord(document) && document.elements === undefined
      ? { ...document, elements: [] }
      : document;
  return { is: "flawed", flaw: flawOf(whole) ?? { is: "not_an_object" } };
}

/** The smallest piece of `former` to replace, and by what, to get `next`. */
export function patch(
  former: string,
  next: string,
): { readonly from: number; readonly to: number; readonly insert: string } | null {
  if (former === next) return null;
  let from = 0;
  while (from < former.length && from < next.length && former[from] === next[from]) from += 1;
  let tail = 0;
  const most = Math.min(former.length, next.length) - from;
  while (tail < most && former.at(-1 - tail) === next.at(-1 - tail)) tail += 1;
  return { from, to: former.length - tail, insert: next.slice(from, next.length - tail) };
}
