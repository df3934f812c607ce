/**
 * Where the workflow's elements go: layers from left to right, or from top to bottom on
 * narrow screens.
 *
 * A phase and its listeners are one block; the listeners sit on its far edge, where their
 * links leave. Links that lead back run in lanes of their own beside the layers. Pure.
 */

import { layout as dagre, Graph } from "@dagrejs/dagre";
import {
  type Element,
  type EventListener,
  type Link,
  listenersOf,
  type Workflow,
} from "./definition";

export type Direction = "right" | "down";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly element: Element;
  readonly width: number;
  readonly height: number;
  readonly ports: readonly (Point & { readonly listener: EventListener })[];
}

export interface Route {
  readonly link: Link;
  readonly path: string;
  readonly word: Point; // where a word about the link may stand: near its start
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[]; // x, y: centre
  readonly routes: readonly Route[];
}

const MARGIN = 22;
const LANE = 26;
const PORT_GAP = 40;
const PHASE = { width: 168, height: 64 };
const SMALL = 46;

/** Along the layers and across them: the two axes that `direction` swaps. */
interface Axes {
  readonly along: (point: Point) => number;
  readonly across: (point: Point) => number;
  readonly point: (along: number, across: number) => Point;
}

const AXES: Readonly<Record<Direction, Axes>> = {
  right: { along: (p) => p.x, across: (p) => p.y, point: (x, y) => ({ x, y }) },
  down: { along: (p) => p.y, across: (p) => p.x, point: (y, x) => ({ x, y }) },
};

export function drawWorkflow(workflow: Workflow, direction: Direction): Drawing {
  const back = backLinks(workflow);
  const placed = place(workflow, direction, back);
  const boxes = withPorts(workflow, direction, placed.boxes);
  const routes = workflow.links.map((link) =>
    back.has(link.id) ? null : forward(link, direction, boxes, placed.bends.get(link.id) ?? []),
  );
  const lanes = routeBack(
    workflow.links.filter(({ id }) => back.has(id)),
    direction,
    boxes,
  );
  const all = [...boxes.values()];
  const { along, point } = AXES[direction];
  const end = point(
    Math.max(...all.map((b) => along(b) + along({ x: b.width, y: b.height }) / 2)) + MARGIN * 2,
    Math.max(placed.across, lanes.across) + MARGIN,
  );
  return {
    width: end.x,
    height: end.y,
    boxes: all,
    routes: [...routes.filter((route) => route !== null), ...lanes.routes],
  };
}

/** The block an element belongs to: a phase for its listeners, else itself. */
function blockOf(workflow: Workflow, id: string): string {
  const element = workflow.elements.get(id);
  const phase = element?.kind === "listener" ? element.phase : null;
  return phase !== null && workflow.elements.has(phase) ? phase : id;
}

/** Links that lead to a block still being walked, depth first from START. */
function backLinks(workflow: Workflow): Set<string> {
  const back = new Set<string>();
  const state = new Map<string, "open" | "done">();
  const walk = (block: string): void => {
    state.set(block, "open");
    const outgoing = workflow.links.filter(({ from }) => blockOf(workflow, from) === block);
    for (const { id, to } of outgoing) {
      const next = blockOf(workflow, to);
      if (state.get(next) === "open") back.add(id);
      else if (!state.has(next)) walk(next);
    }
    state.set(block, "done");
  };
  const isStart = (one: Element) => one.kind === "listener" && one.type === "START";
  const elements = [...workflow.elements.values()];
  for (const { id } of [...elements.filter(isStart), ...elements]) {
    const block = blockOf(workflow, id);
    if (!state.has(block)) walk(block);
  }
  return back;
}

function sizeOf(workflow: Workflow, element: Element, direction: Direction) {
  if (element.kind !== "phase") return { width: SMALL, height: SMALL };
  const ports = listenersOf(workflow, element.id).length * PORT_GAP;
  return direction === "right"
    ? { width: PHASE.width, height: Math.max(PHASE.height, ports + 8) }
    : { width: Math.max(PHASE.width, ports + 8), height: PHASE.height };
}

function place(workflow: Workflow, direction: Direction, back: ReadonlySet<string>) {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({
    rankdir: direction === "right" ? "LR" : "TB",
    nodesep: 34,
    ranksep: direction === "right" ? 62 : 54,
    marginx: MARGIN,
    marginy: MARGIN,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const element of workflow.elements.values()) {
    if (blockOf(workflow, element.id) !== element.id) continue;
    graph.setNode(element.id, sizeOf(workflow, element, direction));
  }
  for (const { id, from, to } of workflow.links) {
    if (back.has(id)) continue;
    graph.setEdge(blockOf(workflow, from), blockOf(workflow, to), {}, id);
  }
  dagre(graph);
  const boxes = new Map<string, Box>();
  for (const id of graph.nodes()) {
    const element = workflow.elements.get(id);
    const { x, y, width, height } = graph.node(id);
    if (element) boxes.set(id, { element, x: x ?? 0, y: y ?? 0, width, height, ports: [] });
  }
  const bends = new Map(
    graph.edges().map((edge) => [edge.name ?? "", graph.edge(edge).points ?? []] as const),
  );
  const { width = 0, height = 0 } = graph.graph();
  return { boxes, bends, across: AXES[direction].across({ x: width, y: height }) - MARGIN };
}

/** Seats the listeners on the far edge of their phases, those of upper links above. */
function withPorts(workflow: Workflow, direction: Direction, boxes: ReadonlyMap<string, Box>) {
  const { along, across, point } = AXES[direction];
  const target = (listener: EventListener): number => {
    const link = workflow.links.find(({ from }) => from === listener.id);
    const box = link && boxes.get(blockOf(workflow, link.to));
    return box ? across(box) : 0;
  };
  const seated = new Map<string, Box>();
  for (const [id, box] of boxes) {
    const listeners = listenersOf(workflow, id).sort((a, b) => target(a) - target(b));
    const edge = along(box) + along({ x: box.width, y: box.height }) / 2;
    const first = across(box) - ((listeners.length - 1) * PORT_GAP) / 2;
    const ports = listeners.map((listener, place) => ({
      listener,
      ...point(edge, first + place * PORT_GAP),
    }));
    seated.set(id, { ...box, ports });
  }
  return seated;
}

const PORT_RADIUS = 14;

/** Where a link leaves: its listener's seat, or the far edge of its element. */
function leaves(link: Link, direction: Direction, boxes: ReadonlyMap<string, Box>): Point {
  const { along, across, point } = AXES[direction];
  const own = boxes.get(link.from);
  if (own) return point(along(own) + along({ x: own.width, y: own.height }) / 2, across(own));
  for (const { ports } of boxes.values()) {
    const port = ports.find(({ listener }) => listener.id === link.from);
    if (port) return point(along(port) + PORT_RADIUS, across(port));
  }
  return { x: 0, y: 0 };
}

function target(link: Link, boxes: ReadonlyMap<string, Box>): Box | undefined {
  return (
    boxes.get(link.to) ??
    [...boxes.values()].find(({ ports }) => ports.some((p) => p.listener.id === link.to))
  );
}

function forward(
  link: Link,
  direction: Direction,
  boxes: ReadonlyMap<string, Box>,
  bends: readonly Point[],
): Route | null {
  const { along, across, point } = AXES[direction];
  const box = target(link, boxes);
  if (!box) return null;
  const start = leaves(link, direction, boxes);
  const end = point(along(box) - along({ x: box.width, y: box.height }) / 2 - 4, across(box));
  // dagre's outer bends touch the blocks' borders; ours touch the ports.
  const inner = bends.slice(1, -1).filter((p) => along(p) > along(start) && along(p) < along(end));
  const stops = [start, ...(bends.length > 3 ? inner : []), end];
  let path = `M${start.x} ${start.y}`;
  for (const [place, next] of stops.slice(1).entries()) {
    const from = stops[place] ?? start;
    const middle = (along(from) + along(next)) / 2;
    const [one, two] = [point(middle, across(from)), point(middle, across(next))];
    path += ` C${one.x} ${one.y} ${two.x} ${two.y} ${next.x} ${next.y}`;
  }
  const beside = direction === "right" ? { x: 5, y: -6 } : { x: 6, y: 15 };
  return { link, path, word: { x: start.x + beside.x, y: start.y + beside.y } };
}

/** Links back run beyond everything they pass, the longer the further out. */
function routeBack(
  links: readonly Link[],
  direction: Direction,
  boxes: ReadonlyMap<string, Box>,
): { routes: Route[]; across: number } {
  const { along, across, point } = AXES[direction];
  const half = (box: Box) => ({ x: box.width / 2, y: box.height / 2 });
  let outermost = 0;
  const routes: Route[] = [];
  for (const [lane, link] of links.entries()) {
    const box = target(link, boxes);
    if (!box) continue;
    const own = boxes.get(link.from);
    const start = own
      ? point(along(own), across(own) + across(half(own)))
      : leaves(link, direction, boxes);
    const entry = point(along(box), across(box) + across(half(box)) + 4);
    const passed = [...boxes.values()].filter(
      (b) => along(b) + along(half(b)) >= along(entry) && along(b) - along(half(b)) <= along(start),
    );
    const level = Math.max(...passed.map((b) => across(b) + across(half(b)))) + LANE * (lane + 1);
    outermost = Math.max(outermost, level);
    const turn = own ? along(start) : along(start) + 12;
    const beside = direction === "right" ? { x: 5, y: 15 } : { x: 6, y: -6 };
    const word = { x: start.x + beside.x, y: start.y + beside.y };
    routes.push({ link, word, path: lanePath(start, turn, level, entry, AXES[direction]) });
  }
  return { routes, across: outermost };
}

/** Out to the lane, back along it, and in again, with round corners. */
function lanePath(start: Point, turn: number, level: number, entry: Point, axes: Axes): string {
  const { along, across, point } = axes;
  const radius = 10;
  const to = (a: number, c: number) => {
    const { x, y } = point(a, c);
    return `${x} ${y}`;
  };
  const step = `M${start.x} ${start.y} L${to(turn, across(start))}`;
  const out = `L${to(turn, level - radius)} Q${to(turn, level)} ${to(turn - radius, level)}`;
  const into = `L${to(along(entry) + radius, level)} Q${to(along(entry), level)}`;
  return `${step} ${out} ${into} ${to(along(entry), level - radius)} L${entry.x} ${entry.y}`;
}
