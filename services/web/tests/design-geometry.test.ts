/** Where the designer puts shapes, and how their links run. */

import { readFileSync } from "node:fs";
import Elk from "elkjs/lib/elk.bundled.js";
import { describe, expect, test, vi } from "vitest";
import { graphOf, placesIn } from "../src/design/arrange";
import {
  type Definition,
  emptyDefinition,
  linksOf,
  partOf,
  shapesOf,
} from "../src/design/document";
import { add, bind, connect } from "../src/design/edits";
import {
  type Box,
  boxesOf,
  freePlace,
  isUnsettled,
  maySit,
  type Places,
  phaseAt,
  placeAfter,
  routesOf,
  SEAT,
  settled,
  standing,
} from "../src/design/geometry";

vi.setConfig({ testTimeout: 60_000 }); // ELK takes its time where others work, too

const NAMES = ["bioreactor", "clean_in_place", "guarded_cultivation", "ph_correction"];

function example(name: string): Definition {
  const file = new URL(`../../../examples/flows/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8"));
}

const nowhere: Places = new Map();

async function arranged(definition: Definition): Promise<Places> {
  return placesIn(await new Elk().layout(graphOf(definition, 1.4)));
}

function overlaps(one: Box, other: Box): boolean {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  );
}

describe("arranged", () => {
  test.each(NAMES)("%s has every shape apart and every link drawn", async (name) => {
    const definition = example(name);
    const places = await arranged(definition);
    expect(isUnsettled(definition, places)).toBe(false);
    const boxes = boxesOf(definition, places);
    expect(boxes.size).toBe(shapesOf(definition).length);
    const whole = standing(definition).map(({ id }) => boxes.get(id) as Box);
    for (const [place, one] of whole.entries()) {
      for (const other of whole.slice(place + 1)) expect(overlaps(one, other)).toBe(false);
    }
    const routes = routesOf(definition, boxes);
    expect(routes.size).toBe(linksOf(definition).length);
    for (const { path } of routes.values()) expect(path).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("a long chain goes on in a next row", async () => {
    const boxes = boxesOf(example("bioreactor"), await arranged(example("bioreactor")));
    const widest = Math.max(...[...boxes.values()].map(({ x, width }) => x + width));
    expect(widest).toBeLessThan(1_300);
  });

  test("a drawing may call its elements anything", async () => {
    const odd = add(emptyDefinition("f"), { elementType: "PHASE" }).definition;
    const named = { ...odd, elements: odd.elements.map((one) => ({ ...one, id: "drawing" })) };
    expect((await arranged(named)).has("drawing")).toBe(true);
  });
});

describe("places", () => {
  const phase = add(emptyDefinition("f"), { elementType: "PHASE" });
  const at: Places = new Map([[phase.id, { x: 100, y: 100 }]]);

  test("listeners sit on the far edge of their phase, each on a seat of its own", () => {
    const timer = { elementType: "EVENT_LISTENER", type: "TIMER" };
    const two = add(add(phase.definition, timer, phase.id).definition, timer, phase.id);
    const boxes = boxesOf(two.definition, at);
    const seats = ["eventListener_1", "eventListener_2"].map((id) => boxes.get(id) as Box);
    const own = boxes.get(phase.id) as Box;
    for (const seat of seats) expect(seat.x + SEAT / 2).toBe(own.x + own.width);
    expect(overlaps(seats[0] as Box, seats[1] as Box)).toBe(false);
    const off = bind(two.definition, "eventListener_1", null);
    expect(standing(off).map(({ id }) => id)).toContain("eventListener_1");
  });

  test("what has no place gets one beside what leads to it, apart from the others", () => {
    const start = add(phase.definition, { elementType: "EVENT_LISTENER", type: "START" });
    const end = add(start.definition, { elementType: "EVENT_DISPATCHER", type: "END" });
    const linked = connect(end.definition, start.id, end.id);
    const known: Places = new Map([...at, [start.id, { x: 0, y: 400 }]]);
    const places = settled(linked, known);
    expect(places.get(end.id)?.x).toBeGreaterThan(40);
    expect(places.get(end.id)?.y).toBe(400);
    expect(settled(linked, places)).toBe(places);
    const all = [...boxesOf(linked, settled(linked, at)).values()];
    for (const [place, one] of all.entries()) {
      for (const other of all.slice(place + 1)) expect(overlaps(one, other)).toBe(false);
    }
  });

  test("what is gone is forgotten; too much that is new is arranged anew", () => {
    const gone: Places = new Map([...at, ["nobody", { x: 1, y: 1 }]]);
    expect([...settled(phase.definition, gone).keys()]).toEqual([phase.id]);
    expect(isUnsettled(example("bioreactor"), at)).toBe(true);
    expect(isUnsettled(emptyDefinition("f"), nowhere)).toBe(false);
  });

  test("a taken place makes room below", () => {
    const taken = [{ x: 0, y: 0, width: 180, height: 68 }];
    const found = freePlace(taken, { x: 10, y: 10 }, { width: 46, height: 46 });
    expect(found.y).toBeGreaterThan(68);
    expect(freePlace([], { x: 13, y: 27 }, { width: 46, height: 46 })).toEqual({ x: 10, y: 30 });
  });

  test("a point in a phase is the phase's, and START sits nowhere", () => {
    const boxes = boxesOf(phase.definition, at);
    expect(phaseAt(phase.definition, boxes, { x: 120, y: 120 })).toBe(phase.id);
    expect(phaseAt(phase.definition, boxes, { x: 20, y: 20 })).toBeNull();
    expect(maySit({ elementType: "EVENT_LISTENER", type: "TIMER" })).toBe(true);
    expect(maySit({ elementType: "EVENT_LISTENER", type: "START" })).toBe(false);
    expect(maySit({ elementType: "GATEWAY", type: "OR" })).toBe(false);
    const part = partOf(phase.definition, phase.id);
    expect(part && placeAfter(phase.definition, boxes, phase.id, part)?.x).toBeGreaterThan(280);
  });
});
