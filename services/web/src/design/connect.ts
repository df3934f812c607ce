/** What may lead to what, by the language's own table. Pure. */

import { type Definition, linksFrom, partOf } from "./document";
import { LEAD_ONCE, LEADS_TO, MAY_LEAD_TO_ITSELF } from "./rules";

export type Refusal = "itself" | "nowhere" | "forbidden" | "once" | "absent";

/**
 * Why no link may be drawn from one element to another; null: one may.
 *
 * `moved` is a link that is drawn anew, and so does not count as one that is there.
 */
export function refusal(
  definition: Definition,
  from: string,
  to: string,
  moved: string | null = null,
): Refusal | null {
  const [source, target] = [partOf(definition, from), partOf(definition, to)];
  if (!source || !target) return "absent";
  if (from === to && !MAY_LEAD_TO_ITSELF) return "itself";
  const targets = LEADS_TO[source.elementType] ?? [];
  if (targets.length === 0) return "nowhere";
  if (!targets.includes(target.elementType)) return "forbidden";
  return isFull(definition, from, moved) ? "once" : null;
}

/** Whether no further link may leave an element. */
export function isFull(definition: Definition, from: string, moved: string | null = null): boolean {
  const source = partOf(definition, from);
  if (!source || !(LEAD_ONCE as readonly string[]).includes(source.elementType)) return false;
  return linksFrom(definition, from).some(({ id }) => id !== moved);
}

/** Whether links leave elements of this type at all. */
export function mayLead(elementType: string): boolean {
  return (LEADS_TO[elementType] ?? []).length > 0;
}
