/** A device's values, log and completeness as rows and words. */

import { describe, expect, test } from "vitest";
import type { Epoch, Gaps, LogLine, Loss, Tag } from "../src/contract";
import { ageText, bytesText } from "../src/device/amounts";
import { epochsInOrder, realLosses, streamRows } from "../src/device/completeness";
import { fittingLines, logText, longerTail, named } from "../src/device/logs";
import { fittingRows, valueRows } from "../src/device/values";

const tag = (name: string, more: Partial<Tag> = {}): Tag => ({
  tag: name,
  unit: "°C",
  type: "float",
  writable: false,
  node: null,
  ...more,
});

describe("values", () => {
  const rows = valueRows([
    tag("temperature"),
    tag("level", { unit: "%" }),
    tag("temperature_setpoint", { writable: true }),
  ]);
  const names = (some: typeof rows) => some.map((row) => row.tag.tag);

  test("know their setpoints, and setpoints what is measured", () => {
    expect(rows.map(({ setpoint, measured }) => [setpoint?.tag, measured?.tag])).toEqual([
      ["temperature_setpoint", undefined],
      [undefined, undefined],
      [undefined, "temperature"],
    ]);
  });

  test("are searched, and narrowed to setpoints or to what is not good", () => {
    const none: ReadonlySet<string> = new Set();
    expect(names(fittingRows(rows, "TEMP", null, none))).toHaveLength(2);
    expect(names(fittingRows(rows, "%", null, none))).toEqual(["level"]);
    expect(names(fittingRows(rows, "", "writable", none))).toEqual(["temperature_setpoint"]);
    expect(names(fittingRows(rows, "", "flawed", new Set(["level"])))).toEqual(["level"]);
  });
});

describe("the log", () => {
  const line = (at_ms: number, text: string): LogLine => ({
    ...{ at_ms, text },
    level: "warn",
    origin: "edge_agent.flows",
  });

  test("is searched by all words, and copied whole", () => {
    const lines = [line(0, "first"), line(1, "second")];
    expect(fittingLines(lines, "flows SEC")).toEqual([lines[1]]);
    expect(fittingLines(lines, " ")).toBe(lines);
    expect(logText(lines)).toBe(
      "1970-01-01T00:00:00.000Z warn     edge_agent.flows: first\n" +
        "1970-01-01T00:00:00.001Z warn     edge_agent.flows: second\n",
    );
  });

  test("names each line once", () => {
    expect(named([line(1, "a"), line(1, "b"), line(2, "c")]).map(([name]) => name)).toEqual([
      "1/0",
      "1/1",
      "2/0",
    ]);
  });

  test("is asked for more until a device tells no more", () => {
    expect(longerTail(200)).toBe(600);
    expect(longerTail(600)).toBe(2_000);
    expect(longerTail(2_000)).toBeNull();
  });
});

describe("completeness", () => {
  const epoch = (state: Epoch["state"], changed_at_ms: number): Epoch => ({
    ...{ state, changed_at_ms },
    stream: "samples",
    epoch: `${state}${changed_at_ms}`,
    next_number: 10,
    expired: 0,
  });
  const loss = (count: number, at_ms: number): Loss => ({
    ...{ count, at_ms },
    stream: "samples",
    epoch: "e",
    first: 0,
    reason: "full disk",
    from_ms: null,
    to_ms: null,
  });
  const gaps: Gaps = {
    device: "press_1",
    complete: false,
    epochs: [epoch("closed", 9), epoch("open", 5), epoch("unexplained", 1)],
    losses: [loss(3, 1), loss(0, 2), loss(4, 3)],
  };

  test("has a row for each stream", () => {
    const [samples, events] = streamRows(gaps, [{ stream: "samples", items: 7 }]);
    expect(samples).toEqual({
      stream: "samples",
      waiting: 7,
      stored: 30,
      newestAtMs: 9,
      lost: 7,
      unexplained: 1,
    });
    expect(events).toMatchObject({ stream: "run_events", waiting: 0, newestAtMs: null });
    expect(streamRows(undefined, undefined)[0]?.waiting).toBeNull();
  });

  test("puts first what nobody can explain, and ends without loss are none", () => {
    expect(epochsInOrder(gaps.epochs).map(({ state }) => state)).toEqual([
      "unexplained",
      "open",
      "closed",
    ]);
    expect(realLosses(gaps.losses).map(({ count }) => count)).toEqual([4, 3]);
  });
});

test("sizes and ages have few digits", () => {
  expect([0, 999, 61_900_000, 271e9].map(bytesText)).toEqual(["0 B", "999 B", "61.9 MB", "271 GB"]);
  expect([400, 12_000, 200_000, 9e6, 3e8].map(ageText)).toEqual([
    "0.4 s",
    "12 s",
    "3 min",
    "2 h",
    "3 d",
  ]);
});
