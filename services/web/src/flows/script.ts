/** A simulation's script: steps built by a form, in the language of `heddle flow simulate`. */

import type { Condition, EventListener, Workflow } from "../workflow/definition";

export const DEEDS = ["tags", "approve", "trigger", "pause", "resume", "stop"] as const;
export type Deed = (typeof DEEDS)[number];

/** One step as it travels. */
export type Step = Readonly<Record<string, unknown>> & { readonly at_s: number };

/** What the form holds. */
export interface Draft {
  readonly atText: string; // seconds since the start
  readonly deed: Deed;
  readonly element: string; // of a reading: the node; else the listener
  readonly valueText: string;
}

/** The step a form describes, or null: something is missing. */
export function stepOf({ atText, deed, element, valueText }: Draft): Step | null {
  const at_s = Number(atText.trim().replace(",", "."));
  if (atText.trim() === "" || !Number.isFinite(at_s) || at_s < 0) return null;
  switch (deed) {
    case "tags":
      return element ? { at_s, tags: { [element]: readingOf(valueText) } } : null;
    case "approve":
    case "trigger":
      return element ? { at_s, [deed]: element } : null;
    case "stop":
      return { at_s, stop: valueText === "hard" ? "hard" : "soft" };
    default:
      return { at_s, [deed]: true };
  }
}

/** A value as people write it: a number, true or false, else a text; null is no value. */
export function readingOf(text: string): number | boolean | string | null {
  const plain = text.trim();
  if (plain === "") return null;
  if (plain === "true" || plain === "false") return plain === "true";
  const number = Number(plain.replace(",", "."));
  return Number.isFinite(number) ? number : plain;
}

/** The script with one step more, in order of time; equal times stay as they were added. */
export function withStep(script: readonly Step[], step: Step): Step[] {
  const after = script.findIndex(({ at_s }) => at_s > step.at_s);
  const place = after === -1 ? script.length : after;
  return [...script.slice(0, place), step, ...script.slice(place)];
}

/** The next full second: what a script does at a moment comes before what time brings then. */
export function afterEnd(lastedMs: number): number {
  return Math.floor(lastedMs / 1000) + 1;
}

export function deedOf(step: Step): Deed {
  return DEEDS.find((deed) => deed in step) ?? "tags";
}

/** The nodes that conditions of a workflow look at, in the author's order. */
export function nodesRead(workflow: Workflow): string[] {
  const found = new Set<string>();
  const look = (condition: Condition | null) => {
    for (const operand of condition?.operands ?? []) {
      if (operand.is === "sensor") found.add(operand.node);
      if (operand.is === "group") look(operand.condition);
    }
  };
  for (const element of workflow.elements.values()) {
    if ("condition" in element) look(element.condition);
  }
  return [...found];
}

/** The listeners a deed may name. */
export function listenersFor(workflow: Workflow, deed: Deed): EventListener[] {
  return [...workflow.elements.values()].filter(
    (one): one is EventListener =>
      one.kind === "listener" &&
      one.type !== "START" &&
      (deed === "trigger" || one.type === "APPROVAL"),
  );
}
