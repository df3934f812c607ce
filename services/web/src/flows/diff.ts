/** What changed between two versions: marks on the graph, and sentences. Pure. */

import type { ChangeWord, PartChange } from "../contract";

export type Json = Readonly<Record<string, unknown>>;

/** What became of each element and link, by id. */
export function marksOf(changes: readonly PartChange[]): ReadonlyMap<string, ChangeWord> {
  const drawn = changes.filter(({ kind }) => kind !== "variable" && kind !== "field");
  return new Map(drawn.map(({ id, what }) => [id, what]));
}

/** The newer version with everything that was removed still in it, to be drawn. */
export function withRemoved(after: Json, changes: readonly PartChange[]): Json {
  const removed = changes
    .filter(({ what, kind }) => what === "removed" && kind !== "variable" && kind !== "field")
    .map(({ before }) => before);
  const elements = Array.isArray(after.elements) ? after.elements : [];
  return { ...after, elements: [...elements, ...removed] };
}

/** One line of a diff: what it was and what it is, where that can be said shortly. */
export interface ChangedField {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** The fields of a changed part, each with both of its values. */
export function fieldsOf({ kind, id, fields, before, after }: PartChange): ChangedField[] {
  return fields.map((path) => {
    // of a field of the workflow itself the path begins with its name
    const inner = kind === "field" ? path.replace(`${id}.`, "").replace(id, "") : path;
    return { path, before: shown(at(before, inner)), after: shown(at(after, inner)) };
  });
}

function at(value: unknown, path: string): unknown {
  if (path === "" || path === "order") return value;
  let here = value;
  for (const name of path.split(".")) {
    if (typeof here !== "object" || here === null) return undefined;
    here = (here as Record<string, unknown>)[name];
  }
  return here;
}

const LONGEST = 80;

/** A value on one line; an en dash where there is none. */
export function shown(value: unknown): string {
  if (value === undefined) return "–";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** How many parts were added, removed and changed. */
export function countsOf(changes: readonly PartChange[]): Readonly<Record<ChangeWord, number>> {
  const counts = { added: 0, removed: 0, changed: 0 };
  for (const { what } of changes) counts[what] += 1;
  return counts;
}
