/** Ids, files and labels of flows. Pure. */

import { type Nodes, short } from "../workflow/words";

const SPECIAL = /[.*+?^${}()|[\]\\]/g;
const ID = /^[a-z0-9_]{1,64}$/;

export function isId(text: string): boolean {
  return ID.test(text);
}

/** An id that reads like a name: `Temperature alert` gives `temperature_alert`. */
export function idOf(name: string): string {
  return name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 64);
}

/** An id like `id` that is not taken: `mix`, `mix_2`, `mix_3`. */
export function freeId(id: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number += 1) {
    const tried = number === 1 ? id : `${id.slice(0, 58)}_${number}`;
    if (!taken.has(tried)) return tried;
  }
}

/** A sentence of the backend with nodes by the names of their tags. */
export function withNames(sentence: string, nodes: Nodes): string {
  let named = sentence;
  for (const [node, { tag }] of nodes) {
    if (node === tag || !named.includes(node)) continue;
    const whole = new RegExp(`(?<![\\w-])${node.replace(SPECIAL, "\\$&")}(?![\\w-])`, "g");
    named = named.replace(whole, () => tag);
  }
  return named;
}

/** What a node is called; enough of its id where nobody knows. */
export function nodeName(node: string, nodes: Nodes): string {
  return nodes.get(node)?.tag ?? short(node);
}

/** Labels as people write them: between commas, each once. */
export function labelsOf(text: string): string[] {
  const labels = text.split(",").map((label) => label.trim());
  return [...new Set(labels.filter(Boolean))];
}

export type Imported =
  | { readonly definition: Readonly<Record<string, unknown>> }
  | { readonly problem: "not-json" | "not-an-object" };

/** A file's workflow: the definition itself, or the one inside of a flow that was saved. */
export function readFile(text: string): Imported {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return { problem: "not-json" };
  }
  if (!isObject(read)) return { problem: "not-an-object" };
  return { definition: isObject(read.definition) ? read.definition : read };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
