/** Reading, wording and laying out workflows. */

import { describe, expect, test } from "vitest";
import type { Tag } from "../src/contract";
import { type EventListener, NotAWorkflow, parseWorkflow } from "../src/workflow/definition";
import { type Box, drawWorkflow } from "../src/workflow/layout";
import { conditionInWords, countdown, eventInWords, nodesOf } from "../src/workflow/words";
import { bioreactor } from "./bioreactor";

const temperature: Tag = {
  tag: "temperature",
  unit: "°C",
  type: "float",
  writable: false,
  node: "b505cf08-cc3f-4814-8d76-3dd23ad1ea35",
};

function listener(condition: unknown): EventListener {
  const elements = [{ elementType: "EVENT_LISTENER", type: "CONDITION", id: "l", condition }];
  return parseWorkflow({ elements }).elements.get("l") as EventListener;
}

describe("reading", () => {
  test("the seed's workflow has all its elements and links", () => {
    const kinds = [...bioreactor.elements.values()].map(({ kind }) => kind);
    const count = (kind: string) => kinds.filter((one) => one === kind).length;
    expect([count("phase"), count("listener"), count("gateway"), count("dispatcher")]).toEqual([
      6, 8, 2, 1,
    ]);
    expect(bioreactor.links).toHaveLength(11);
  });

  test("both shapes of an operand are one", () => {
    const data = { reporterFctId: temperature.node };
    const seed = { left: { type: "SENSOR_DATA", data }, operator: ">=", right: 37 };
    const upstream = {
      left: { dataSource: { type: "SENSOR_DATA", data } },
      operator: ">=",
      right: 37,
    };
    expect(listener(upstream).condition).toEqual(listener(seed).condition);
  });

  test("both shapes of a group are one", () => {
    const cold = { left: 1, operator: "<", right: 2 };
    const warm = { left: 3, operator: ">", right: 4 };
    const seed = { left: cold, operator: "AND", right: warm };
    const upstream = { operator: "AND", conditions: [cold, warm] };
    expect(listener(upstream).condition).toEqual(listener(seed).condition);
  });

  test("what is no workflow is refused", () => {
    for (const definition of [null, 7, {}, { elements: "all" }, { elements: [{}] }]) {
      expect(() => parseWorkflow(definition)).toThrow(NotAWorkflow);
    }
  });
});

describe("words", () => {
  test("a condition names the tag, the tolerance and how long it must hold", () => {
    const four = bioreactor.elements.get("eventListener_4") as EventListener;
    if (!four.condition) throw new Error("no condition");
    expect(conditionInWords(four.condition, nodesOf([temperature]))).toBe(
      "temperature ≥ 37 (±0.2) for 20 s",
    );
  });

  test("countdowns round up and never go below zero", () => {
    expect([61_200, 999, -5, 3_600_000].map(countdown)).toEqual([
      "1:02",
      "0:01",
      "0:00",
      "1:00:00",
    ]);
  });

  test("an unknown event is told by its type", () => {
    const event = { id: "r:0", number: 0, createdAt: 0, type: "SOMETHING_NEW", data: {} };
    expect(eventInWords(event, null)).toBe("SOMETHING_NEW");
  });
});

describe("layout", () => {
  const edges = ({ x, y, width, height }: Box) => ({
    left: x - width / 2,
    right: x + width / 2,
    top: y - height / 2,
    bottom: y + height / 2,
  });

  for (const direction of ["right", "down"] as const) {
    const drawing = drawWorkflow(bioreactor, direction);

    test(`${direction}: blocks lie apart and inside the drawing`, () => {
      for (const [place, box] of drawing.boxes.entries()) {
        const a = edges(box);
        expect(Math.min(a.left, a.top)).toBeGreaterThan(0);
        expect(a.right).toBeLessThan(drawing.width);
        expect(a.bottom).toBeLessThan(drawing.height);
        for (const other of drawing.boxes.slice(place + 1)) {
          const b = edges(other);
          const isApart =
            a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
          expect(isApart, `${box.element.id} and ${other.element.id}`).toBe(true);
        }
      }
    });

    test(`${direction}: every link is drawn, and every bound listener sits on its phase`, () => {
      expect(drawing.routes.map(({ link }) => link.id).sort()).toEqual(
        bioreactor.links.map(({ id }) => id).sort(),
      );
      expect(drawing.boxes.flatMap(({ ports }) => ports)).toHaveLength(7);
    });

    test(`${direction}: the run reads forward, but for the loop`, () => {
      const order = ["eventListener_1", "phase_1", "phase_2", "gateway_1", "phase_5", "phase_6"];
      const along = order.map((id) => {
        const box = drawing.boxes.find(({ element }) => element.id === id);
        return (direction === "right" ? box?.x : box?.y) ?? Number.NaN;
      });
      expect(along).toEqual([...along].sort((a, b) => a - b));
    });
  }

  test("a loop of one phase is drawn", () => {
    const drawing = drawWorkflow(
      parseWorkflow({
        elements: [
          { elementType: "EVENT_LISTENER", type: "START", id: "s" },
          { elementType: "PHASE", id: "p", commands: [] },
          { elementType: "EVENT_LISTENER", type: "TIMER", id: "t", phaseId: "p" },
          { elementType: "FLOW", id: "f1", srcId: "s", destId: "p" },
          { elementType: "FLOW", id: "f2", srcId: "t", destId: "p" },
        ],
      }),
      "right",
    );
    expect(drawing.routes).toHaveLength(2);
    expect(drawing.routes.every(({ path }) => !path.includes("NaN"))).toBe(true);
  });
});
