/** Runs of the real engine, replayed by their events: states, timers, lanes, playing. */

import { describe, expect, test } from "vitest";
import type { RunReport, WorkflowEvent } from "../src/contract";
import { afterEvents, atMoment, played } from "../src/run/playing";
import { pauses, Replay } from "../src/run/replay";
import { lanesOf, marksOf, ticks } from "../src/run/timeline";
import { parseWorkflow } from "../src/workflow/definition";
import runs from "./runs.json";

const BEGAN = 1_800_000_000_000;
const TOLD = { run: "r", flow: "flow", version: 1 };

function replayed({ definition, events }: { definition: unknown; events: unknown }) {
  const workflow = parseWorkflow(definition);
  return { workflow, replay: new Replay(TOLD, events as WorkflowEvent[], workflow) };
}

const cultivated = replayed(runs.cultivated);
const stopped = replayed(runs.stopped);

/** What events do not tell: when a timer is due, and that a soft stop was asked for. */
function comparable(report: RunReport) {
  const listening = report.listening.map(({ listener, type, phase }) => ({
    listener,
    type,
    phase,
  }));
  const status = report.status === "stopping" ? "running" : report.status;
  return {
    ...report,
    status,
    listening: listening.sort((a, b) => (a.listener < b.listener ? -1 : 1)),
  };
}

describe("replay", () => {
  test.each([
    ["cultivated", cultivated, runs.cultivated.reports],
    ["stopped", stopped, runs.stopped.reports],
  ])("of %s gives every report that the engine gave", (_name, { replay }, reports) => {
    for (const report of reports as unknown as RunReport[]) {
      expect(comparable(replay.at(report.events))).toEqual(comparable(report));
    }
    expect(replay.at(replay.length).events).toBe(reports.at(-1)?.events);
  });

  test("before its first event a run is ready", () => {
    expect(cultivated.replay.at(0)).toMatchObject({ status: "ready", active_phases: [] });
    expect(cultivated.replay.at(1).status).toBe("running");
  });

  test("a timer counts down to the moment it fired, and holds during pauses", () => {
    const { replay } = stopped;
    expect(replay.waits(8, BEGAN + 1_000).get("remind")).toEqual({
      leftMs: 4_000,
      share: expect.closeTo(0.2),
    });
    expect(replay.waits(8, BEGAN + 1_000).get("at_last")).toBeNull(); // it never fired
    const held = new Replay(
      TOLD,
      [
        event(0, 0, "EVENT_LISTENER_ACTIVATED", { eventListenerId: "remind" }),
        event(1, 1_000, "WORKFLOW_PAUSED"),
        event(2, 8_000, "WORKFLOW_RESUMED"),
        event(3, 12_000, "EVENT_RECEIVED", { eventListenerId: "remind", forced: false }),
      ],
      stopped.workflow,
    );
    for (const [count, at] of [
      [2, 1_000],
      [2, 5_000],
      [3, 8_000],
    ] as const) {
      expect(held.waits(count, BEGAN + at).get("remind")).toEqual({
        leftMs: 4_000,
        share: expect.closeTo(0.2),
      });
    }
  });
});

function event(
  number: number,
  at: number,
  type: string,
  data: Record<string, unknown> = {},
): WorkflowEvent {
  return { id: `r:${number}`, number, createdAt: BEGAN + at, type, data };
}

describe("playing", () => {
  const { replay } = cultivated;

  test("steps stay within the events", () => {
    expect(afterEvents(replay, -3).count).toBe(0);
    expect(afterEvents(replay, 7)).toEqual({ count: 7, atMs: BEGAN + 20_000 });
    expect(afterEvents(replay, 999).count).toBe(replay.length);
  });

  test("a moment counts what had happened by then", () => {
    expect(atMoment(replay, BEGAN + 20_001)).toEqual({ count: 7, atMs: BEGAN + 20_001 });
    expect(atMoment(replay, 0)).toEqual({ count: 5, atMs: BEGAN });
    expect(atMoment(replay, BEGAN * 2).count).toBe(replay.length);
  });

  test("time goes on until the last event", () => {
    const later = played(replay, afterEvents(replay, 7), 30_000);
    expect(later).toEqual({ count: 8, atMs: BEGAN + 50_000 });
    expect(played(replay, afterEvents(replay, 7), 3_600_000)).toBeNull();
  });
});

describe("timeline", () => {
  test("every activation of a phase is a bar of its lane", () => {
    const lanes = lanesOf(cultivated.replay);
    expect(lanes.map(({ phase, bars }) => [phase, bars.length])).toEqual([
      ["phase_1", 1],
      ["phase_2", 1],
      ["phase_3", 1],
      ["phase_5", 3],
      ["phase_6", 3],
    ]);
    expect(lanes[3]?.bars[1]).toEqual({
      phase: "phase_5",
      number: 35,
      fromMs: BEGAN + 235_000,
      toMs: BEGAN + 285_000,
      endedBy: "eventListener_7",
      failed: [],
    });
  });

  test("a phase that has not ended goes on", () => {
    const half = new Replay(TOLD, cultivated.replay.log.slice(0, 12), cultivated.workflow);
    expect(lanesOf(half).map(({ bars }) => bars.at(-1)?.toMs)).toEqual([BEGAN + 80_000, null]);
  });

  test("failed commands are kept with the bar they belong to", () => {
    const failed = event(12, 90_000, "COMMAND_FAILED", { phaseId: "phase_2", error: "no" });
    const log = [...cultivated.replay.log.slice(0, 12), failed];
    const lanes = lanesOf(new Replay(TOLD, log, cultivated.workflow));
    expect(lanes[1]?.bars[0]?.failed).toEqual([BEGAN + 90_000]);
  });

  test("what people did and what it told them is marked, with alarms", () => {
    const { replay, workflow } = cultivated;
    expect(marksOf(replay.log, workflow).map(({ kind, atMs }) => [kind, atMs - BEGAN])).toEqual([
      ["pause", 20_000],
      ["resume", 50_000],
      ["forced", 80_000],
      ["approval", 85_000],
      ["end", 435_000],
    ]);
    expect(marksOf(stopped.replay.log, stopped.workflow).map(({ kind }) => kind)).toEqual([
      "alert",
      "end",
    ]);
  });

  test("a run that ends while it is held is held until then", () => {
    const log = [event(0, 0, "WORKFLOW_PAUSED"), event(1, 5_000, "WORKFLOW_TERMINATED")];
    expect(pauses(log)).toEqual([{ fromMs: BEGAN, toMs: BEGAN + 5_000 }]);
  });

  test("ticks are round and few", () => {
    expect(ticks(BEGAN + 1, BEGAN + 60_000, 6).map((at) => at - BEGAN)).toEqual([
      10_000, 20_000, 30_000, 40_000, 50_000, 60_000,
    ]);
    expect(ticks(BEGAN, BEGAN, 5)).toEqual([]);
  });
});
