/**
 * Arranges a whole drawing in rows of layers from left to right, by ELK in a worker of its own.
 *
 * The graph is made and its answer read by pure functions; only `arrange` needs a browser.
 */

import type { ELK, ElkNode } from "elkjs/lib/elk-api";
import { type Definition, isListener, linksOf, type Part, partOf, phaseOf } from "./document";
import { type Places, sizeOf, standing } from "./geometry";

const OPTIONS: Readonly<Record<string, string>> = {
  "elk.algorithm": "layered",
  "elk.direction": "RIGHT",
  "elk.layered.spacing.nodeNodeBetweenLayers": "104",
  "elk.spacing.nodeNode": "44",
  "elk.spacing.componentComponent": "60",
  "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
  "elk.layered.cycleBreaking.strategy": "DEPTH_FIRST",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
};

/** Long chains go on in a next row; short ones are easier to follow in one. */
const IN_ROWS = { "elk.layered.wrapping.strategy": "MULTI_EDGE" };
const LONG = 6; // shapes

/** The block a shape belongs to: its phase, for a listener on one. */
const blockOf = (definition: Definition, part: Part): string =>
  phaseOf(definition, part)?.id ?? part.id;

/** `aspect` is the width of the space there is, by its height. */
export function graphOf(definition: Definition, aspect: number): ElkNode {
  const start = (part: Part) => isListener(part) && part.type === "START";
  const shapes = standing(definition);
  const ordered = [...shapes.filter(start), ...shapes.filter((one) => !start(one))];
  const edges = linksOf(definition).flatMap((link) => {
    const [from, to] = [
      partOf(definition, String(link.srcId)),
      partOf(definition, String(link.destId)),
    ];
    if (!from || !to) return [];
    const [source, target] = [blockOf(definition, from), blockOf(definition, to)];
    return source === target
      ? []
      : [{ id: `link:${link.id}`, sources: [`at:${source}`], targets: [`at:${target}`] }];
  });
  return {
    id: "drawing",
    layoutOptions: {
      ...OPTIONS,
      ...(shapes.length >= LONG ? IN_ROWS : {}),
      "elk.aspectRatio": String(aspect),
    },
    children: ordered.map((part) => ({ id: `at:${part.id}`, ...sizeOf(definition, part) })),
    edges,
  };
}

export function placesIn(graph: ElkNode): Places {
  return new Map(
    (graph.children ?? []).map(({ id, x = 0, y = 0 }) => [
      id.replace(/^at:/, ""),
      { x: Math.round(x), y: Math.round(y) },
    ]),
  );
}

let elk: Promise<ELK> | null = null;

/** Loads ELK and starts its worker, once. */
async function started(): Promise<ELK> {
  const [{ default: Elk }, { default: workerUrl }] = await Promise.all([
    import("elkjs/lib/elk-api"),
    import("elkjs/lib/elk-worker.min.js?url"),
  ]);
  return new Elk({ workerFactory: () => new Worker(workerUrl) });
}

export async function arrange(definition: Definition, aspect: number): Promise<Places> {
  elk ??= started();
  return placesIn(await (await elk).layout(graphOf(definition, aspect)));
}
