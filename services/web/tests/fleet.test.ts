/** The fleet's rows, alarms, runs, labels, and what became of a command on many. */

import { describe, expect, test, vi } from "vitest";
import type { AlarmEntry, AlarmReport, DeviceReport, RunRecord } from "../src/contract";
import { byDevice, moved, severityWord, statesOf } from "../src/device/alarms";
import { Conflation } from "../src/device/conflate";
import { tally, toEach, worstFirst } from "../src/device/deeds";
import {
  counted,
  expected,
  type Filter,
  inScope,
  joined,
  shownBy,
  usualFlow,
} from "../src/device/fleet";
import {
  changesNothing,
  commonLabels,
  labelsText,
  readLabels,
  selectorOf,
} from "../src/device/labels";
import { withPresence } from "../src/device/presence";
import { activeByDevice, runsOf } from "../src/device/runs";

const device = (id: string, more: Partial<DeviceReport> = {}): DeviceReport => ({
  device: id,
  kind: "edge",
  online: true,
  enrolled_at_ms: 0,
  last_seen_at_ms: null,
  version: "1.0",
  runtime: null,
  labels: {},
  ...more,
});

const alarm = (id: string, name: string, more: Partial<AlarmReport> = {}): AlarmReport =>
  ({
    device: id,
    alarm: name,
    state: "unacknowledged",
    severity: 500,
    since_ms: 1_000,
    ...more,
  }) as AlarmReport;

const entry = (id: string, name: string, after: string, atMs: number): AlarmEntry =>
  ({
    id: 1,
    device: id,
    place: "centre",
    transition: { alarm: name, after, severity: 900, at_us: atMs * 1_000 },
  }) as AlarmEntry;

const record = (id: string, run: string, more: Partial<RunRecord> = {}): RunRecord => ({
  device: id,
  run,
  flow: "brew",
  version: 1,
  status: "running",
  started_at_ms: 1,
  ended_at_ms: null,
  events: 0,
  last_event_ms: 0,
  last_phase: null,
  overtaken: false,
  ...more,
});

const ALL: Filter = { search: "", kind: null, show: null, fitting: null };
const FLEET = [
  device("press_1", { labels: { site: "Graz" } }),
  device("press_2", { online: false }),
  device("vat_1", { kind: "virtual" }),
];
const ALARMS = byDevice(statesOf([alarm("press_2", "hot", { severity: 900 })]));
const RUNS = activeByDevice([
  record("vat_1", "run_1"),
  record("press_1", "r2", { status: "paused" }),
]);
const ROWS = joined(FLEET, ALARMS, RUNS);
const ids = (rows: typeof ROWS) => rows.map(({ report }) => report.device);

describe("rows", () => {
  test("are found by id, label, flow and version, all words in one of them", () => {
    const found = (search: string) => ids(inScope(ROWS, { ...ALL, search }));
    expect(found("press")).toEqual(["press_1", "press_2"]);
    expect(found("graz PRESS")).toEqual(["press_1"]);
    expect(found("brew")).toEqual(["press_1", "vat_1"]);
    expect(found("1.0")).toHaveLength(3);
    expect(found("nothing")).toEqual([]);
  });

  test("are narrowed by kind and by what a selector fits", () => {
    expect(ids(inScope(ROWS, { ...ALL, kind: "virtual" }))).toEqual(["vat_1"]);
    expect(ids(inScope(ROWS, { ...ALL, fitting: new Set(["press_2"]) }))).toEqual(["press_2"]);
  });

  test("are counted, and each count shows what it counted", () => {
    expect(counted(ROWS)).toEqual({ online: 2, offline: 1, alarms: 1, running: 2 });
    expect(ids(shownBy(ROWS, "alarms"))).toEqual(["press_2"]);
    expect(ids(shownBy(ROWS, "running"))).toEqual(["press_1", "vat_1"]);
    expect(shownBy(ROWS, null)).toBe(ROWS);
  });

  test("stay the same objects where nothing changed", () => {
    const before = new Map(ROWS.map((row) => [row.report.device, row]));
    const devices = withPresence(FLEET, [{ device: "press_2", online: true }]);
    const alarms = byDevice(statesOf([alarm("press_2", "hot", { severity: 900 })]), ALARMS);
    const next = joined(devices, alarms, RUNS, before);
    expect(next[0]).toBe(ROWS[0]);
    expect(next[1]).not.toBe(ROWS[1]);
    expect(next[2]).toBe(ROWS[2]);
    expect(next[1]?.alarms).toBe(ROWS[1]?.alarms);
  });
});

describe("a command", () => {
  test("tells whom it reaches and for whom it makes sense", () => {
    expect(expected("pause", "brew", ROWS)).toEqual({ told: 2, offline: 1, fitting: 1 });
    expect(expected("resume", "brew", ROWS)).toEqual({ told: 2, offline: 1, fitting: 1 });
    expect(expected("stop", "brew", ROWS)).toEqual({ told: 2, offline: 1, fitting: 2 });
    expect(expected("start", "brew", ROWS)).toEqual({ told: 2, offline: 1, fitting: 0 });
    expect(expected("start", "other", ROWS)).toEqual({ told: 2, offline: 1, fitting: 2 });
  });

  test("proposes the flow that most of them run", () => {
    expect(usualFlow(ROWS)).toBe("brew");
    expect(usualFlow([])).toBeNull();
  });
});

describe("alarms", () => {
  test("count what is neither normal nor hidden, with the gravest", () => {
    const states = statesOf([
      alarm("a", "x"),
      alarm("a", "y", { state: "acknowledged", severity: 700 }),
      alarm("a", "z", { state: "shelved", severity: 900 }),
    ]);
    expect(byDevice(states).get("a")).toEqual({ count: 2, unacknowledged: 1, worst: 700 });
  });

  test("follow transitions; an old one changes nothing", () => {
    const states = statesOf([alarm("a", "x")]);
    const hot = moved(states, [entry("a", "y", "unacknowledged", 2_000)]);
    expect(byDevice(hot).get("a")).toEqual({ count: 2, unacknowledged: 2, worst: 900 });
    const cold = moved(hot, [entry("a", "y", "normal", 3_000), entry("a", "x", "normal", 999)]);
    expect(byDevice(cold).get("a")).toEqual({ count: 1, unacknowledged: 1, worst: 500 });
    expect(byDevice(moved(states, [entry("a", "x", "normal", 5_000)])).has("a")).toBe(false);
  });

  test("have ISA-18.2's words", () => {
    expect([200, 500, 700, 900].map(severityWord)).toEqual(["low", "medium", "high", "critical"]);
  });
});

describe("runs", () => {
  test("that were overtaken are not active; lists stay the same while nothing moved", () => {
    const again = activeByDevice(
      [
        record("vat_1", "run_1", { last_event_ms: 7 }),
        record("press_1", "r2", { status: "running" }),
        record("press_2", "r3", { overtaken: true }),
      ],
      RUNS,
    );
    expect(again.get("vat_1")).toBe(RUNS.get("vat_1"));
    expect(again.get("press_1")).not.toBe(RUNS.get("press_1"));
    expect(again.has("press_2")).toBe(false);
  });

  test("of a device are the stored ones and those it tells of", () => {
    const report = { run: "r9", flow: "brew", version: 2, status: "stopping" } as const;
    const told = { ...report, started_at_ms: 9, ended_at_ms: null, active_phases: ["p"] };
    const known = { ...told, run: "run_1", started_at_ms: 1 };
    const rest = { listening: [], activations: {}, events: 0, active_since_ms: [] };
    const rows = runsOf(
      "vat_1",
      [record("vat_1", "run_1")],
      [
        { ...told, ...rest },
        { ...known, ...rest },
      ],
    );
    expect(rows.map(({ run, status }) => [run, status])).toEqual([
      ["r9", "stopping"],
      ["run_1", "stopping"],
    ]);
  });
});

describe("labels", () => {
  test("are read as they are written", () => {
    expect(readLabels('site=graz  spare -old line="hall 2"')).toEqual({
      set: { site: "graz", spare: "", line: "hall 2" },
      remove: ["old"],
    });
    expect(readLabels("a=x=y").set).toEqual({ a: "x=y" });
    expect(changesNothing(readLabels("  "))).toBe(true);
  });

  test("are written in order, and counted", () => {
    expect(labelsText({ spare: "", line: "hall 2", a: "1" })).toBe('a=1 line="hall 2" spare');
    expect(commonLabels([{ a: "1" }, { a: "1", b: "" }])).toEqual([
      ["a=1", 2],
      ["b", 1],
    ]);
  });

  test("make selectors, quoted where they must be", () => {
    expect(selectorOf("site", "graz")).toBe("site=graz");
    expect(selectorOf("spare", "")).toBe("spare");
    expect(selectorOf("line", "hall 2")).toBe('line="hall 2"');
    expect(selectorOf("line", "or")).toBe('line="or"');
    expect(selectorOf("line", `"'`)).toBeNull();
    expect(selectorOf("<img>", "1")).toBeNull();
  });
});

describe("conflation", () => {
  test("hands many changes on together, and none after its end", () => {
    vi.useFakeTimers();
    const handed: (readonly number[])[] = [];
    const conflation = new Conflation<number>(300, (all) => handed.push(all));
    conflation.add(1);
    conflation.add(2);
    expect(handed).toEqual([]);
    vi.advanceTimersByTime(300);
    conflation.add(3);
    vi.advanceTimersByTime(299);
    expect(handed).toEqual([[1, 2]]);
    vi.advanceTimersByTime(1);
    conflation.add(4);
    conflation.end();
    vi.advanceTimersByTime(1_000);
    expect(handed).toEqual([[1, 2], [3]]);
    vi.useRealTimers();
  });
});

describe("deeds on many", () => {
  test("reach each once, a few at a time, and tell who refused", async () => {
    const devices = Array.from({ length: 20 }, (_, place) => `d${place}`);
    let [now, most] = [0, 0];
    const results: Parameters<typeof tally>[0][number][] = [];
    await toEach(
      devices,
      async (one) => {
        now += 1;
        most = Math.max(most, now);
        await Promise.resolve();
        now -= 1;
        if (one === "d7") throw new Error("it is locked");
        return "";
      },
      (result) => results.push(result),
    );
    expect(results.map((one) => one.device).toSorted()).toEqual(devices.toSorted());
    expect(most).toBeLessThanOrEqual(6);
    expect(tally(results)).toEqual({ done: 19, refused: 1, offline: 0, timed_out: 0 });
    expect(worstFirst(results)[0]).toEqual({
      device: "d7",
      outcome: "refused",
      detail: "it is locked",
    });
  });
});
