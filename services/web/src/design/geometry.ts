/**
 * Where the shapes of a drawing are, and how its links run. Pure.
 *
 * A place is the upper left corner of a shape that stands for itself. Listeners of a phase
 * have no place of their own: they sit on its far edge, those of upper links above. Links
 * that lead back run in lanes of their own below what they pass.
 */

import {
  type Definition,
  isListener,
  isPhase,
  linksOf,
  listenersOn,
  type Part,
  partOf,
  phaseOf,
  shapesOf,
} from "./document";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export type Places = ReadonlyMap<string, Point>;

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

export const PHASE = { width: 180, height: 68 };
export const SMALL = 46; // of all others
export const SEAT = 28; // of a listener on a phase
const SEAT_GAP = 42;
const GRID = 10;

/** The shapes that have a place of their own. */
export function standing(definition: Definition): readonly Part[] {
  return shapesOf(definition).filter((one) => phaseOf(definition, one) === null);
}

export function sizeOf(definition: Definition, part: Part): { width: number; height: number } {
  if (!isPhase(part)) return { width: SMALL, height: SMALL };
  const seats = listenersOn(definition, part.id).length * SEAT_GAP;
  return { width: PHASE.width, height: Math.max(PHASE.height, seats + 8) };
}

/** Every shape's box; those without a place stand at the origin. */
export function boxesOf(definition: Definition, places: Places): ReadonlyMap<string, Box> {
  const boxes = new Map<string, Box>();
  for (const part of standing(definition)) {
    const { x, y } = places.get(part.id) ?? { x: 0, y: 0 };
    boxes.set(part.id, { x, y, ...sizeOf(definition, part) });
  }
  const leaving = new Map(linksOf(definition).map((link) => [link.srcId, link]));
  for (const part of standing(definition)) {
    const phase = boxes.get(part.id);
    if (!phase || !isPhase(part)) continue;
    const aim = (listener: Part): number => {
      const link = leaving.get(listener.id);
      const target = link && partOf(definition, String(link.destId));
      const box = target && boxes.get(phaseOf(definition, target)?.id ?? target.id);
      return box ? box.y + box.height / 2 : phase.y + phase.height / 2;
    };
    const seated = listenersOn(definition, part.id)
      .map((listener) => ({ listener, aim: aim(listener) }))
      .sort((one, other) => one.aim - other.aim);
    const first = phase.y + phase.height / 2 - ((seated.length - 1) * SEAT_GAP) / 2;
    for (const [seat, { listener }] of seated.entries()) {
      boxes.set(listener.id, {
        x: phase.x + phase.width - SEAT / 2,
        y: first + seat * SEAT_GAP - SEAT / 2,
        width: SEAT,
        height: SEAT,
      });
    }
  }
  return boxes;
}

export interface Route {
  readonly path: string;
  readonly word: Point; // where a word about the link may stand
}

/** How every link runs from the far side of its source to the near side of its target. */
export function routesOf(
  definition: Definition,
  boxes: ReadonlyMap<string, Box>,
): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>();
  let lanes = 0;
  for (const link of linksOf(definition)) {
    const [from, to] = [boxes.get(String(link.srcId)), boxes.get(String(link.destId))];
    const source = partOf(definition, String(link.srcId));
    if (!from || !to || !source) continue;
    const isBelow = source.falseFlowId === link.id;
    const start = isBelow
      ? { x: from.x + from.width / 2, y: from.y + from.height }
      : { x: from.x + from.width, y: from.y + from.height / 2 };
    const end = { x: to.x - 3, y: to.y + to.height / 2 };
    const word = isBelow ? { x: start.x + 6, y: start.y + 14 } : { x: start.x + 6, y: start.y - 7 };
    const way = { start, end, to, isBelow, boxes: [...boxes.values()], lane: lanes };
    const isNextRow = to.y > from.y + from.height;
    if (end.x >= start.x + 8) routes.set(link.id, { path: forward(start, end, isBelow), word });
    else {
      routes.set(link.id, { path: isNextRow ? nextRow(way, from) : back(way), word });
      lanes += 1;
    }
  }
  return routes;
}

interface Way {
  readonly start: Point;
  readonly end: Point;
  readonly to: Box;
  readonly isBelow: boolean; // it leaves downwards
  readonly boxes: readonly Box[];
  readonly lane: number; // ways that lead back are told apart by it
}

const LANES = 5;
const LANE = 6;

function forward(start: Point, end: Point, isBelow: boolean): string {
  const reach = Math.max(24, (end.x - start.x) / 2);
  const first = isBelow
    ? `${start.x} ${start.y + Math.max(24, (end.y - start.y) / 2)}`
    : `${start.x + reach} ${start.y}`;
  return `M${start.x} ${start.y} C${first} ${end.x - reach} ${end.y} ${end.x} ${end.y}`;
}

/** As a line of text goes on: down between the rows, back, and in from the left. */
function nextRow({ start, end, to, isBelow, boxes, lane }: Way, from: Box): string {
  const aside = LANE * (lane % LANES);
  const turn = isBelow ? start.x : start.x + 12 + aside;
  const enter = end.x - 20;
  const between = boxes.filter((b) => b.x + b.width >= enter && b.x <= turn);
  const isFree = (y: number) => between.every((b) => y < b.y - 20 || y > b.y + b.height + 8);
  const lowest = from.y + from.height + 10;
  let level = to.y - 20 - aside;
  while (level > lowest && !isFree(level)) level -= 4;
  if (!isFree(level)) level = (lowest + to.y) / 2;
  return polyline([
    start,
    { x: turn, y: start.y },
    { x: turn, y: level },
    { x: enter, y: level },
    { x: enter, y: end.y },
    end,
  ]);
}

/** Down to a lane below what it passes, back along it, and up into the target. */
function back({ start, to, isBelow, boxes, lane }: Way): string {
  const aside = LANE * (lane % LANES);
  const end = { x: to.x + to.width / 2, y: to.y + to.height + 3 };
  const turn = isBelow ? start.x : start.x + 12 + aside;
  const [left, right] = [Math.min(end.x, turn), Math.max(end.x, turn)];
  const passed = boxes
    .filter((b) => b.x + b.width >= left - 4 && b.x <= right + 4)
    .sort((one, other) => one.y - other.y);
  let level = Math.max(start.y, end.y) + 22;
  for (const b of passed) {
    if (b.y - 20 < level && b.y + b.height + 22 > level) level = b.y + b.height + 22;
  }
  level += aside;
  return polyline([
    start,
    { x: turn, y: start.y },
    { x: turn, y: level },
    { x: end.x, y: level },
    end,
  ]);
}

/** Straight lines with round corners. */
function polyline(points: readonly Point[]): string {
  const [first] = points;
  if (!first) return "";
  let path = `M${first.x} ${first.y}`;
  for (const [place, corner] of points.entries()) {
    const [before, after] = [points[place - 1], points[place + 1]];
    if (!before) continue;
    if (!after) {
      path += ` L${corner.x} ${corner.y}`;
      continue;
    }
    const [near, far] = [toward(corner, before), toward(corner, after)];
    path += ` L${near.x} ${near.y} Q${corner.x} ${corner.y} ${far.x} ${far.y}`;
  }
  return path;
}

/** A little way from a corner to the next point. */
function toward(corner: Point, point: Point): Point {
  const [dx, dy] = [point.x - corner.x, point.y - corner.y];
  const length = Math.hypot(dx, dy);
  const share = length === 0 ? 0 : Math.min(9, length / 2) / length;
  return { x: corner.x + dx * share, y: corner.y + dy * share };
}

const snapped = ({ x, y }: Point): Point => ({
  x: Math.round(x / GRID) * GRID,
  y: Math.round(y / GRID) * GRID,
});

/** The nearest free place at or below a wanted one, for a shape of this size. */
export function freePlace(
  boxes: Iterable<Box>,
  wanted: Point,
  size: { readonly width: number; readonly height: number },
): Point {
  const taken = [...boxes];
  const around = 24;
  let { x, y } = snapped(wanted);
  for (let tries = 0; tries < 200; tries += 1) {
    const hit = taken.find(
      (b) =>
        x < b.x + b.width + around &&
        b.x < x + size.width + around &&
        y < b.y + b.height + around &&
        b.y < y + size.height + around,
    );
    if (!hit) break;
    ({ x, y } = snapped({ x, y: hit.y + hit.height + around + GRID }));
  }
  return { x, y };
}

export const BESIDE = 110; // between a shape and what comes after it

/** Where what comes after a shape may stand. */
export function placeAfter(
  definition: Definition,
  boxes: ReadonlyMap<string, Box>,
  after: string,
  added: Part,
): Point | null {
  const part = partOf(definition, after);
  const box = boxes.get(part ? (phaseOf(definition, part)?.id ?? after) : after);
  if (!box) return null;
  const size = sizeOf(definition, added);
  const middle = box.y + box.height / 2 - size.height / 2;
  return freePlace(boxes.values(), { x: box.x + box.width + BESIDE, y: middle }, size);
}

/** Whether too little is known of where things are: the whole shall be arranged. */
export function isUnsettled(definition: Definition, places: Places): boolean {
  const shapes = standing(definition);
  const known = shapes.filter(({ id }) => places.has(id)).length;
  return known < shapes.length / 2;
}

/** Gives every shape without a place one, beside what leads to it; forgets the others. */
export function settled(definition: Definition, places: Places): Places {
  const shapes = standing(definition);
  const missing = shapes.filter(({ id }) => !places.has(id));
  if (missing.length === 0 && places.size === shapes.length) return places;
  const next = new Map(
    shapes.flatMap(({ id }) => {
      const place = places.get(id);
      return place ? [[id, place] as const] : [];
    }),
  );
  for (const part of missing) {
    const known = new Map(
      [...boxesOf(definition, next)].filter(([id]) => {
        const shape = partOf(definition, id);
        return next.has(id) || (shape && next.has(phaseOf(definition, shape)?.id ?? ""));
      }),
    );
    const link = linksOf(definition).find(
      ({ destId, srcId }) => destId === part.id && known.has(String(srcId)),
    );
    const place =
      (link && placeAfter(definition, known, String(link.srcId), part)) ??
      freePlace(known.values(), { x: 0, y: 0 }, sizeOf(definition, part));
    next.set(part.id, place);
  }
  return next;
}

/** The phase under a point: where a listener that is dropped there sits. */
export function phaseAt(
  definition: Definition,
  boxes: ReadonlyMap<string, Box>,
  { x, y }: Point,
): string | null {
  const hit = shapesOf(definition)
    .filter(isPhase)
    .find(({ id }) => {
      const box = boxes.get(id);
      return (
        box && x >= box.x && x <= box.x + box.width + SEAT && y >= box.y && y <= box.y + box.height
      );
    });
  return hit?.id ?? null;
}

/** Whether an element of this kind can sit on a phase. START begins the run, not a phase. */
export function maySit(part: { readonly elementType: string; readonly type?: unknown }): boolean {
  return isListener(part as Part) && part.type !== "START";
}
