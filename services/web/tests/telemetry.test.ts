/** Traces and the arrangement of charts. */

import { describe, expect, test } from "vitest";
import type { Tag, ValueColumns } from "../src/contract";
import { arrange } from "../src/telemetry/arrange";
import { newestValues } from "../src/telemetry/columns";
import { Trace } from "../src/telemetry/trace";
import sent from "./newest_values.json"; // as fleetdata's own test sends it

function trace(...points: [number, number | null][]): Trace {
  const made = new Trace();
  for (const [at, value] of points) made.push(at, value);
  return made;
}

const history = (at_ms: number[], mean: number[]) => ({
  tag: "t",
  unit: "",
  at_ms,
  mean,
  low: [],
  high: [],
  count: [],
  quality: [],
  first: [],
  last: [],
  text: [],
  type: "float" as const,
});

describe("a trace", () => {
  test("the last value holds until now", () => {
    expect(trace([1000, 5], [2000, 6]).columns(3000)).toEqual([
      [1, 2, 3],
      [5, 6, 6],
    ]);
  });

  test("over a long silence the line runs level", () => {
    expect(trace([1000, 5], [2000, 6], [9000, 7]).columns(9000, 3000)).toEqual([
      [1, 2, 8.999, 9],
      [5, 6, 6, 7],
    ]);
  });

  test("what comes late is dropped", () => {
    expect(trace([2000, 6], [1000, 5]).columns(2000)).toEqual([[2], [6]]);
  });

  test("history replaces what it covers and keeps what came since", () => {
    const live = trace([900, 1], [1500, 2], [2500, 3]);
    live.prepend(history([500, 1000, 2000], [10, 20, 30]));
    expect(live.columns(2500)).toEqual([
      [0.5, 1, 2, 2.5],
      [10, 20, 30, 3],
    ]);
  });

  test("values closer than the spacing replace each other", () => {
    const close = new Trace();
    for (const at of [0, 100, 200, 300, 1000]) close.push(at, at, 250);
    expect(close.columns(1000)[0]).toEqual([0, 0.3, 1]);
  });

  test("trimming keeps the value that still held", () => {
    const long = trace([1000, 1], [2000, 2], [3000, 3]);
    long.trim(2500);
    expect(long.columns(3000)[0]).toEqual([2, 3]);
    long.trim(9000);
    expect(long.columns(3000)[0]).toEqual([3]);
  });
});

describe("newest values", () => {
  test("are unpacked, each of its tag's type", () => {
    const values = newestValues(sent as ValueColumns);
    expect(values[0]).toEqual({
      tag: "gone",
      unit: "K",
      type: "float",
      atMs: 1_790_000_000_123,
      value: null,
      quality: 2,
    });
    expect(values.map(({ tag, value, quality }) => [tag, value, quality])).toEqual([
      ["gone", null, 2],
      ["n", -7, 0],
      ["on", true, 1],
      ["step", "heat", 0],
      ["temp", 20.5, 0],
      ["lost", null, 2],
      ["recipe", "{}", 0],
    ]);
  });
});

describe("charts", () => {
  const tag = (name: string, unit = "", writable = false, type: Tag["type"] = "float"): Tag => ({
    tag: name,
    unit,
    type,
    writable,
    node: null,
  });

  test("a value is drawn with its setpoint; what is only written is listed", () => {
    const value = tag("temperature", "°C");
    const setpoint = tag("temperature_setpoint", "°C", true);
    const speed = tag("stirrer_speed", "1/min", true);
    expect(arrange([value, setpoint, speed])).toEqual({
      charts: [{ value, setpoint }],
      listed: [speed],
    });
  });

  test("another unit is no setpoint", () => {
    const setpoint = tag("temperature_setpoint", "%", true);
    expect(arrange([tag("temperature", "°C"), setpoint]).listed).toEqual([setpoint]);
  });

  test("where nothing is measured, everything drawable is drawn; texts are listed", () => {
    const [speed, name] = [tag("speed", "", true), tag("name", "", true, "text")];
    expect(arrange([speed, name])).toEqual({
      charts: [{ value: speed, setpoint: null }],
      listed: [name],
    });
  });
});
