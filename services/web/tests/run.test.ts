/** A run's progress by its events, its log, its countdowns. */

import { describe, expect, test } from "vitest";
import type { ListenerReport, RunReport, WorkflowEvent } from "../src/contract";
import { Countdowns } from "../src/run/countdown";
import { firstMissing, held, merge, signals } from "../src/run/log";
import { advance } from "../src/run/progress";
import { bioreactor } from "./bioreactor";

const event = (
  number: number,
  type: string,
  data: Record<string, unknown> = {},
): WorkflowEvent => ({
  id: `run_1:${number}`,
  type,
  createdAt: 1000 + number,
  number,
  data,
});

const FRESH: RunReport = {
  run: "run_1",
  flow: "bioreactor",
  version: 1,
  status: "running",
  started_at_ms: 1000,
  ended_at_ms: null,
  active_phases: [],
  active_since_ms: [],
  listening: [],
  activations: {},
  events: 0,
};

const reached = (...events: WorkflowEvent[]): RunReport =>
  events.reduce((report, one) => advance(report, one, bioreactor), FRESH);

const IN_PHASE_2 = [
  event(0, "PHASE_STARTED", { phaseId: "phase_2" }),
  event(1, "EVENT_LISTENER_ACTIVATED", { eventListenerId: "eventListener_3" }),
  event(2, "EVENT_LISTENER_ACTIVATED", { eventListenerId: "eventListener_4" }),
];

describe("progress", () => {
  test("a phase starts and its listeners listen", () => {
    const report = reached(...IN_PHASE_2);
    expect(report.active_phases).toEqual(["phase_2"]);
    expect(report.listening.map(({ listener, type }) => [listener, type])).toEqual([
      ["eventListener_3", "APPROVAL"],
      ["eventListener_4", "CONDITION"],
    ]);
  });

  test("an interrupting listener ends its phase and silences the others", () => {
    const report = reached(
      ...IN_PHASE_2,
      event(3, "EVENT_RECEIVED", { eventListenerId: "eventListener_3" }),
    );
    expect(report).toMatchObject({ active_phases: [], listening: [], events: 4 });
  });

  test("gateways are counted", () => {
    const one = event(0, "GATEWAY_ACTIVATED", { gatewayId: "gateway_2" });
    expect(reached(one, { ...one, number: 1 }).activations).toEqual({ gateway_2: 2 });
  });

  test("pause, resume and the end", () => {
    expect(reached(event(0, "WORKFLOW_PAUSED")).status).toBe("paused");
    expect(reached(event(0, "WORKFLOW_PAUSED"), event(1, "WORKFLOW_RESUMED")).status).toBe(
      "running",
    );
    expect(reached(...IN_PHASE_2, event(3, "WORKFLOW_FINISHED"))).toMatchObject({
      status: "finished",
      ended_at_ms: 1003,
      active_phases: [],
      listening: [],
    });
  });

  test("what the device's report contains already is not counted twice", () => {
    const told = { ...FRESH, events: 5, activations: { gateway_2: 1 } };
    const old = event(4, "GATEWAY_ACTIVATED", { gatewayId: "gateway_2" });
    expect(advance(told, old, bioreactor)).toBe(told);
  });
});

describe("log", () => {
  const [a, b, c, d] = [0, 1, 2, 3].map((number) => event(number, "PHASE_STARTED")) as [
    WorkflowEvent,
    WorkflowEvent,
    WorkflowEvent,
    WorkflowEvent,
  ];

  test("events are in order and never twice, however they come", () => {
    expect(merge([a, b], [b, c])).toEqual([a, b, c]);
    expect(merge([c, d], [a, b, c])).toEqual([a, b, c, d]);
    expect(merge([], [])).toEqual([]);
  });

  test("nothing new leaves the log itself", () => {
    const log = [a, b];
    expect(merge(log, [b])).toBe(log);
    expect(merge(log, [])).toBe(log);
  });

  test("a gap and a missing end are found", () => {
    expect(firstMissing([a, b], 2)).toBeNull();
    expect(firstMissing([a, b], 4)).toBe(2);
    expect(firstMissing([a, c], 3)).toBe(1);
    expect(firstMissing([c], 0)).toBe(0);
    expect(firstMissing([], 0)).toBeNull();
  });

  test("signals are counted by link", () => {
    const log = ["flow_1", "flow_2", "flow_1"].map((flowId, number) =>
      event(number, "FLOW_SIGNALED", { flowId }),
    );
    expect(signals(log)).toMatchObject({
      counts: new Map([
        ["flow_1", 2],
        ["flow_2", 1],
      ]),
      last: "flow_1",
    });
  });

  test("a gateway holds what came since it was last activated", () => {
    const came = (number: number, flowId: string) => event(number, "FLOW_SIGNALED", { flowId });
    const log = [
      came(0, "a"),
      came(1, "b"),
      event(2, "GATEWAY_ACTIVATED", { gatewayId: "both" }),
      came(3, "b"),
    ];
    const heldAfter = (count: number) => held(signals(log.slice(0, count)), "both", ["a", "b"]);
    expect([1, 2, 3, 4].map(heldAfter)).toEqual([1, 2, 0, 1]);
  });
});

describe("countdowns", () => {
  const timer = (due_at_ms: number | null, remaining_ms: number | null = null): ListenerReport => ({
    listener: "t",
    type: "TIMER",
    phase: "p",
    due_at_ms,
    remaining_ms,
  });

  test("a timer counts from its activation to its end", () => {
    expect(new Countdowns().of(timer(10_000), 4_000, 2_000)).toEqual({
      leftMs: 6_000,
      share: 0.25,
    });
  });

  test("a pause holds the share", () => {
    const countdowns = new Countdowns();
    countdowns.of(timer(10_000), 2_000, 2_000);
    expect(countdowns.of(timer(null, 4_000), 99_000, 2_000)).toEqual({ leftMs: 4_000, share: 0.5 });
  });

  test("a condition counts from when its end was first seen", () => {
    const countdowns = new Countdowns();
    const holding = { ...timer(10_000), type: "CONDITION" };
    expect(countdowns.of(holding, 6_000, 0)?.share).toBe(0);
    expect(countdowns.of(holding, 9_000, 0)?.share).toBe(0.75);
    expect(countdowns.of({ ...holding, due_at_ms: 13_000 }, 9_000, 0)?.share).toBe(0);
  });

  test("an approval waits for no time", () => {
    expect(new Countdowns().of(timer(null), 0, 0)).toBeNull();
  });
});
