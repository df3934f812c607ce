import { describe, expect, it } from "vitest";
import type { PartChange, PlayedStep, Simulation, Tag, WorkflowEvent } from "../src/contract";
import { countsOf, fieldsOf, marksOf, shown, withRemoved } from "../src/flows/diff";
import { bars, frameOf, framesOfEvents, framesOfSteps, settingsAt } from "../src/flows/frames";
import { freeId, idOf, isId, labelsOf, nodeName, readFile, withNames } from "../src/flows/naming";
import {
  afterEnd,
  type Draft,
  listenersFor,
  nodesRead,
  readingOf,
  type Step,
  stepOf,
  withStep,
} from "../src/flows/script";
import { parseWorkflow } from "../src/workflow/definition";
import { nodesOf } from "../src/workflow/words";

const SENSOR = { type: "SENSOR_DATA", data: { reporterFctId: "T" } };
const WORKFLOW = parseWorkflow({
  elements: [
    { id: "begin", elementType: "EVENT_LISTENER", type: "START" },
    { id: "heat", elementType: "PHASE", commands: [] },
    {
      id: "warm",
      elementType: "EVENT_LISTENER",
      type: "CONDITION",
      phaseId: "heat",
      condition: {
        left: { left: SENSOR, operator: ">=", right: 37 },
        operator: "OR",
        right: { left: { ...SENSOR, data: { reporterFctId: "P" } }, operator: ">", right: 1 },
      },
    },
    { id: "hold", elementType: "PHASE", commands: [] },
    { id: "seen", elementType: "EVENT_LISTENER", type: "APPROVAL", phaseId: "hold" },
    { id: "end", elementType: "EVENT_DISPATCHER", type: "END" },
    { id: "1", elementType: "FLOW", srcId: "begin", destId: "heat" },
    { id: "2", elementType: "FLOW", srcId: "warm", destId: "hold" },
    { id: "3", elementType: "FLOW", srcId: "seen", destId: "end" },
  ],
});

function step(words: string, more: Partial<PlayedStep> = {}): PlayedStep {
  return {
    input: "timer",
    listener: null,
    holds: [],
    fails: [],
    links: [],
    phases: [],
    listening: [],
    kept: [],
    activations: {},
    words,
    ...more,
  };
}

describe("a counter-example", () => {
  const frames = framesOfSteps([
    step("The run starts", { links: ["1"], phases: ["heat"], listening: ["warm"] }),
    step("warm fires", { listener: "warm", links: ["2", "4"], phases: ["hold"] }),
    step("and stops", { listener: "seen", activations: { g: 2 } }),
  ]);

  it("lights each link alone, then how the run stands", () => {
    expect(frames.map(({ link }) => link)).toEqual(["1", null, "2", "4", null, null]);
    expect([...(frames[1]?.active ?? [])]).toEqual(["heat", "warm"]);
    expect(frames[2]?.active.has("warm")).toBe(true); // it fires just now
    expect([...(frames[4]?.active ?? [])]).toEqual(["hold"]);
    expect(frames[5]?.activations.get("g")).toBe(2);
    expect(frames.map(({ note }) => note).at(-1)).toBe("and stops");
  });

  it("is entered at any step", () => {
    expect([0, 1, 2].map((place) => frameOf(frames, place))).toEqual([0, 2, 5]);
  });
});

const EVENTS: readonly (readonly [number, string, Record<string, unknown>])[] = [
  [0, "EVENT_RECEIVED", { eventListenerId: "begin" }],
  [0, "FLOW_SIGNALED", { flowId: "1" }],
  [0, "PHASE_STARTED", { phaseId: "heat" }],
  [0, "EVENT_LISTENER_ACTIVATED", { eventListenerId: "warm" }],
  [5_000, "EVENT_RECEIVED", { eventListenerId: "warm" }],
  [5_000, "FLOW_SIGNALED", { flowId: "2" }],
  [5_000, "PHASE_STARTED", { phaseId: "hold" }],
];
const LOG: WorkflowEvent[] = EVENTS.map(([createdAt, type, data], number) => ({
  id: `s:${number}`,
  type,
  createdAt,
  number,
  data,
}));

describe("a simulation", () => {
  const frames = framesOfEvents(LOG, WORKFLOW, ({ type }) => type);

  it("is told event by event; small steps are seen with the one before", () => {
    expect(frames.map(({ step }) => step)).toEqual([0, 1, 2, 4, 5, 6]);
    expect([...(frames[2]?.active ?? [])]).toEqual(["heat", "warm"]);
    expect(frames[1]?.link).toBe("1");
    expect(frameOf(frames, 3)).toBe(2);
  });

  it("shows when each phase was active", () => {
    expect(bars(frames, WORKFLOW, 9_000)).toEqual([
      { phase: "heat", fromMs: 0, toMs: 5_000 },
      { phase: "hold", fromMs: 5_000, toMs: 9_000 },
    ]);
  });

  it("knows what is set at a moment", () => {
    const settings = [
      { at_ms: 0, phase: "heat", node: "n", value: 37 },
      { at_ms: 5_000, phase: "hold", node: "n", value: 20 },
    ];
    const simulation = { settings } as unknown as Simulation;
    expect(settingsAt(simulation, 4_999).get("n")).toBe(37);
    expect(settingsAt(simulation, 5_000).get("n")).toBe(20);
  });
});

describe("a script", () => {
  const draft: Draft = { atText: "1,5", deed: "tags", element: "T", valueText: "36.5" };

  it("is made of what the form holds", () => {
    expect(stepOf(draft)).toEqual({ at_s: 1.5, tags: { T: 36.5 } });
    expect(stepOf({ ...draft, deed: "approve", element: "seen" })).toEqual({
      at_s: 1.5,
      approve: "seen",
    });
    expect(stepOf({ ...draft, deed: "pause" })).toEqual({ at_s: 1.5, pause: true });
    expect(stepOf({ ...draft, deed: "stop", valueText: "" })).toEqual({ at_s: 1.5, stop: "soft" });
  });

  it("takes no step that lacks something", () => {
    for (const atText of ["", "x", "-1"]) expect(stepOf({ ...draft, atText })).toBeNull();
    expect(stepOf({ ...draft, element: "" })).toBeNull();
  });

  it("reads values as people write them", () => {
    expect(["37", "3,5", "true", " ", "on"].map(readingOf)).toEqual([37, 3.5, true, null, "on"]);
  });

  it("stays in order of time", () => {
    const script = [0, 5, 5].reduce<Step[]>(
      (all, at_s, place) => withStep(all, { at_s, place }),
      [],
    );
    expect(withStep(script, { at_s: 1, place: 9 }).map(({ place }) => place)).toEqual([0, 9, 1, 2]);
  });

  it("goes on after what has happened", () => {
    expect([0, 100_000, 100_500].map(afterEnd)).toEqual([1, 101, 101]);
  });

  it("offers the nodes and listeners of the workflow", () => {
    expect(nodesRead(WORKFLOW)).toEqual(["T", "P"]);
    expect(listenersFor(WORKFLOW, "approve").map(({ id }) => id)).toEqual(["seen"]);
    expect(listenersFor(WORKFLOW, "trigger").map(({ id }) => id)).toEqual(["warm", "seen"]);
  });
});

describe("a diff", () => {
  const part = (more: Partial<PartChange>): PartChange => ({
    what: "changed",
    kind: "phase",
    id: "p",
    fields: [],
    before: null,
    after: null,
    ...more,
  });
  const changes = [
    part({}),
    part({ what: "added", kind: "link", id: "l" }),
    part({ what: "removed", id: "gone", before: { id: "gone" } }),
    part({ kind: "variable", id: "v" }),
  ];

  it("marks elements and links, and keeps what was removed to be drawn", () => {
    expect([...marksOf(changes)]).toEqual([
      ["p", "changed"],
      ["l", "added"],
      ["gone", "removed"],
    ]);
    expect(withRemoved({ elements: [{ id: "p" }] }, changes).elements).toEqual([
      { id: "p" },
      { id: "gone" },
    ]);
    expect(countsOf(changes)).toEqual({ added: 1, removed: 1, changed: 2 });
  });

  it("tells both values of a field", () => {
    const before = { a: { b: [1] }, c: "x" };
    const after = { a: { b: [2] } };
    expect(fieldsOf(part({ fields: ["a.b.0", "c"], before, after }))).toEqual([
      { path: "a.b.0", before: "1", after: "2" },
      { path: "c", before: "x", after: "–" },
    ]);
    const name = part({
      kind: "field",
      id: "version",
      fields: ["version"],
      before: "1",
      after: "2",
    });
    expect(fieldsOf(name)).toEqual([{ path: "version", before: "1", after: "2" }]);
  });

  it("keeps long values short", () => {
    expect(shown("x".repeat(200))).toHaveLength(80);
  });
});

describe("names", () => {
  it("of nodes are those of their tags", () => {
    const tag = { tag: "temperature", unit: "°C", type: "float", writable: false, node: "b5-cc" };
    const nodes = nodesOf([tag as Tag]);
    expect(withNames("condition c (b5-cc >= 37)", nodes)).toBe("condition c (temperature >= 37)");
    const odd = nodesOf([{ ...tag, node: "a.b" } as Tag]);
    expect(withNames("a.b, ab, xa.b, a.b-c", odd)).toBe("temperature, ab, xa.b, a.b-c");
    expect([nodeName("b5-cc", nodes), nodeName("heater", nodes)]).toEqual([
      "temperature",
      "heater",
    ]);
  });

  it("become ids that are free", () => {
    expect(idOf(" Wärme & Alarm 2! ")).toBe("warme_alarm_2");
    expect(isId(idOf("x".repeat(99)))).toBe(true);
    expect([isId(""), isId("A"), isId("a b")]).toEqual([false, false, false]);
    expect(freeId("mix", new Set(["mix", "mix_2"]))).toBe("mix_3");
  });

  it("of labels stand between commas", () => {
    expect(labelsOf(" hot, graz ,, hot")).toEqual(["hot", "graz"]);
  });
});

describe("a file", () => {
  it("is a workflow, or a saved flow around one", () => {
    expect(readFile('{"elements": []}')).toEqual({ definition: { elements: [] } });
    expect(readFile('{"flow": "x", "definition": {"id": "y"}}')).toEqual({
      definition: { id: "y" },
    });
    expect(readFile("[1]")).toEqual({ problem: "not-an-object" });
    expect(readFile("{")).toEqual({ problem: "not-json" });
  });
});
