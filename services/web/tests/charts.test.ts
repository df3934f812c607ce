/** Charts and dashboards: spans, buckets, axes, addresses, lines, marks, files, the grid. */

import { describe, expect, test } from "vitest";
import { lookOf, rangeOf, scaleOf, scalesOf } from "../src/charts/axes";
import {
  added,
  changed,
  type Draft,
  draftOf,
  freshId,
  isChanged,
  nudged,
  placed,
  removed,
} from "../src/charts/board";
import { bucketFor, grouped, isRaw, redrawEveryMs } from "../src/charts/bucket";
import { csvOf, exportCommand } from "../src/charts/csv";
import { Line } from "../src/charts/line";
import { alarmMarks, inRows, phaseBands } from "../src/charts/marks";
import { namesOf, picksOf, textOf, toggled } from "../src/charts/picks";
import {
  boundsOf,
  DAY_MS,
  fixed,
  HOUR_MS,
  live,
  MINUTE_MS,
  narrowed,
  panned,
  queryOf,
  spanOf,
  widened,
} from "../src/charts/span";
import { rangeText, spanText, tickText } from "../src/charts/words";
import type { AlarmEntry, Dashboard, Series, WorkflowEvent } from "../src/contract";
import { bioreactor } from "./bioreactor";

const NOW = 1_800_000_000_000;

describe("spans", () => {
  test("an address tells them, and gives them back", () => {
    for (const span of [live(HOUR_MS), fixed(NOW - DAY_MS, NOW)]) {
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(queryOf(span))) {
        if (value !== null) query.set(name, String(value));
      }
      expect(spanOf(query, MINUTE_MS)).toEqual(span);
    }
  });
  test("nonsense in an address is the usual span", () => {
    for (const text of ["", "span=x", "from=5", "from=9&to=3", "span=-4", "span=Infinity"]) {
      expect(spanOf(new URLSearchParams(text), HOUR_MS)).toEqual(live(HOUR_MS));
    }
  });
  test("moving back stops following, and moving on to now follows again", () => {
    const back = panned(live(HOUR_MS), -0.5, NOW);
    expect(boundsOf(back, NOW)).toEqual([NOW - 1.5 * HOUR_MS, NOW - 0.5 * HOUR_MS]);
    expect(panned(back, 0.25, NOW).kind).toBe("fixed");
    expect(panned(back, 0.5, NOW)).toEqual(live(HOUR_MS));
  });
  test("wider is about the middle, but not into the future", () => {
    expect(widened(live(HOUR_MS), NOW)).toEqual(live(2 * HOUR_MS));
    const past = fixed(NOW - 10 * HOUR_MS, NOW - 8 * HOUR_MS);
    expect(widened(past, NOW)).toEqual(fixed(NOW - 11 * HOUR_MS, NOW - 7 * HOUR_MS));
    const late = fixed(NOW - 2 * HOUR_MS, NOW);
    expect(widened(late, NOW)).toEqual(fixed(NOW - 4 * HOUR_MS, NOW));
    expect(narrowed(past)).toEqual(fixed(NOW - 9.5 * HOUR_MS, NOW - 8.5 * HOUR_MS));
  });
  test("nothing is shorter than a second or longer than ten years", () => {
    expect(live(1).kind === "live" && boundsOf(live(1), NOW)).toEqual([NOW - 1000, NOW]);
    const [from, to] = boundsOf(fixed(NOW, NOW + 10), NOW);
    expect(to - from).toBe(1000);
    expect(boundsOf(live(1e15), NOW)[0]).toBeGreaterThan(0);
  });
});

describe("buckets", () => {
  test("one for two pixels at most, whole minutes from a minute on", () => {
    expect(bucketFor(MINUTE_MS, 1000)).toBe(250);
    expect(bucketFor(HOUR_MS, 1000)).toBe(10_000);
    expect(bucketFor(DAY_MS, 1000)).toBe(5 * MINUTE_MS);
    expect(bucketFor(365 * DAY_MS, 1000)).toBe(DAY_MS);
    for (const ms of [MINUTE_MS, HOUR_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS, 365 * DAY_MS]) {
      expect(ms / bucketFor(ms, 1000)).toBeLessThanOrEqual(501);
    }
  });
  test("every sample for minutes only", () => {
    expect([isRaw(MINUTE_MS), isRaw(HOUR_MS)]).toEqual([true, false]);
  });
  test("questions are parted so that answers stay small", () => {
    expect(grouped(["a", "b", "c"], 3_000)).toEqual([["a", "b"], ["c"]]);
    expect(grouped(["a", "b"], 60_000)).toEqual([["a"], ["b"]]);
  });
  test("a picture stands for a pixel's worth of time", () => {
    expect(redrawEveryMs(MINUTE_MS, 1000)).toBe(100);
    expect(redrawEveryMs(DAY_MS, 1000)).toBe(1_000);
  });
});

describe("axes", () => {
  test("the first unit is left, the second right, others have a scale without axis", () => {
    const scales = scalesOf(["°C", "%", "°C", "pH"]);
    expect(scales.map(({ unit, side }) => [unit, side])).toEqual([
      ["°C", "left"],
      ["%", "right"],
      ["pH", null],
    ]);
    expect(scaleOf(scales, "%").key).toBe("y1");
  });
  test("no two of 32 series look the same, and one alone is calm", () => {
    const looks = Array.from({ length: 32 }, (_, place) => JSON.stringify(lookOf(place, 32)));
    expect(new Set(looks).size).toBe(32);
    expect(lookOf(0, 1)).toEqual({ colour: "--ink", dash: [] });
  });
  test("a scale is as given, else around the data", () => {
    expect(rangeOf(0, 10, 2, 8)).toEqual([2, 8]);
    const [low, high] = rangeOf(0, 10, null, null);
    expect([low < 0, high > 10]).toEqual([true, true]);
    expect(rangeOf(null, null, null, null)).toEqual([-0.06, 1.06].map((n) => expect.closeTo(n)));
    const [from, to] = rangeOf(0, 1, 50, null);
    expect(from < to).toBe(true);
  });
});

describe("picks", () => {
  test("an address tells them, and gives them back", () => {
    const picks = [
      { device: "press_7", tag: "oil.temperature" },
      { device: "press_7", tag: "a,b:c%2C d/ü" },
    ];
    expect(picksOf(textOf(picks))).toEqual(picks);
  });
  test("what cannot be one is left out", () => {
    expect(picksOf("A:x,press:,,:y,press,press:x,press:x")).toEqual([
      { device: "press", tag: "x" },
    ]);
    expect(picksOf(null)).toEqual([]);
    const many = Array.from({ length: 30 }, (_, n) => `d:${n}`).join(",");
    expect(picksOf(many)).toHaveLength(20);
  });
  test("names leave out what is the same for all", () => {
    const [a, b] = [
      { device: "a", tag: "x" },
      { device: "b", tag: "x" },
    ];
    expect(namesOf([a, b])).toEqual(["a", "b"]);
    expect(namesOf([a, { device: "a", tag: "y" }])).toEqual(["x", "y"]);
    expect(namesOf([a, { device: "b", tag: "y" }])).toEqual(["a x", "b y"]);
    expect(namesOf([a])).toEqual(["x"]);
  });
  test("picking twice is not picking", () => {
    const pick = { device: "a", tag: "x" };
    expect(toggled(toggled([], pick), pick)).toEqual([]);
  });
});

const series = (change: Partial<Series>): Series => ({
  tag: "t",
  unit: "°C",
  at_ms: [],
  mean: [],
  low: [],
  high: [],
  first: [],
  last: [],
  count: [],
  quality: [],
  text: [],
  type: "float",
  ...change,
});

describe("lines", () => {
  test("a bad sample breaks the line, an uncertain one stands beside it", () => {
    const line = new Line();
    const at_ms = [1000, 2000, 3000, 4000];
    line.load([series({ at_ms, mean: [1, 2, 3, 4], quality: [0, 1, 0, 2] })], "all");
    expect(line.columns(null, null)).toMatchObject({
      at: [1, 2, 3, 4],
      value: [1, null, 3, null],
      doubtful: [1, 2, 3, null],
    });
  });
  test("over a long pause it runs level, and to the present", () => {
    const line = new Line();
    line.load([series({ at_ms: [1000, 60_000], mean: [1, 5], quality: [0, 0] })], "all");
    const { at, value } = line.columns(70_000, null);
    expect(at).toEqual([1, 59.999, 60, 70]);
    expect(value).toEqual([1, 1, 5, 5]);
  });
  test("live samples of one bucket are taken together, bad ones do not count", () => {
    const line = new Line();
    line.push(10_100, 2, 0, 1000);
    line.push(10_200, 4, 0, 1000);
    line.push(10_300, 9, 2, 1000);
    line.push(10_400, 9, 2, 1000);
    line.push(11_000, 5, 0, 1000);
    const { at, value, low, high } = line.columns(null, 1000);
    expect([at, value, low, high]).toEqual([
      [10, 11],
      [3, 5],
      [2, 5],
      [4, 5],
    ]);
  });
  test("older pages come before, and what came live stays", () => {
    const line = new Line();
    line.load([series({ at_ms: [5000, 6000], mean: [5, 6], quality: [0, 0] })], "all");
    line.push(7000, 7, 0, null);
    line.load([series({ at_ms: [3000, 4000], mean: [3, 4], quality: [0, 0] })], "before");
    expect(line.rows(0, 9e9).map(({ value }) => value)).toEqual([3, 4, 5, 6, 7]);
    line.load([series({ at_ms: [6000, 6500], mean: [6, 66], quality: [0, 0] })], "after");
    expect(line.rows(0, 9e9).map(({ value }) => value)).toEqual([3, 4, 5, 6, 66, 7]);
    line.trim(5500);
    expect(line.rows(0, 9e9).map(({ value }) => value)).toEqual([5, 6, 66, 7]);
  });
  test("of a tag that changed its unit only the newest is drawn", () => {
    const line = new Line();
    line.load(
      [
        series({ unit: "K", at_ms: [1], mean: [300], quality: [0] }),
        series({ at_ms: [2], mean: [20], quality: [0] }),
      ],
      "all",
    );
    expect([line.unit, line.length]).toEqual(["°C", 1]);
  });
});

const entry = (at_ms: number, cause: string): AlarmEntry => ({
  id: at_ms,
  device: "press_7",
  place: "edge",
  transition: {
    alarm: "hot",
    tag: "oil",
    at_us: at_ms * 1000,
    cause,
    before: "normal",
    after: "active",
    severity: 700,
    value: 90,
    who: null,
    comment: null,
    number: null,
    until_ms: null,
    first: false,
  },
});

describe("marks", () => {
  test("an alarm is marked where it came up", () => {
    const marks = alarmMarks([entry(30, "raised"), entry(20, "cleared"), entry(10, "raised")]);
    expect(marks.map(({ atMs }) => atMs)).toEqual([10, 30]);
  });
  test("a phase lasts until its interrupting listener fires, or the run ends", () => {
    const event = (type: string, createdAt: number, data: Record<string, unknown>) =>
      ({ id: "", type, createdAt, number: createdAt, data }) as WorkflowEvent;
    const bands = phaseBands(
      "press_7",
      "run_1",
      [
        event("PHASE_STARTED", 1, { phaseId: "phase_1" }),
        event("EVENT_RECEIVED", 3, { eventListenerId: "eventListener_2" }),
        event("PHASE_STARTED", 3, { phaseId: "phase_2" }),
        event("PHASE_STARTED", 4, { phaseId: "phase_3" }),
        event("WORKFLOW_FINISHED", 5, {}),
      ],
      bioreactor,
    );
    expect(bands.map(({ phase, fromMs, toMs }) => [phase, fromMs, toMs])).toEqual([
      ["phase_1", 1, 3],
      ["phase_2", 3, 5],
      ["phase_3", 4, 5],
    ]);
    expect(inRows(bands, 9).map(({ row }) => row)).toEqual([0, 0, 1]);
  });
});

describe("files", () => {
  test("a row for each sample; no cell is taken for a formula", () => {
    const row = { device: "d", unit: "", atMs: 0, value: 1.5, low: null, high: null, quality: 1 };
    expect(csvOf([{ ...row, tag: '=a"b,c' }])).toBe(
      'device,tag,unit,at,value,low,high,quality\r\nd,"\'=a""b,c",,1970-01-01T00:00:00.000Z,1.5,,,uncertain\r\n',
    );
  });
  test("the way to all of it is a command", () => {
    expect(exportCommand("press_7", ["oil", "it's"], 0, 1000)).toBe(
      "heddle telemetry export --device press_7 --tag oil --tag 'it'\\''s'" +
        " --from 1970-01-01T00:00:00.000Z --to 1970-01-01T00:00:01.000Z -o press_7.csv",
    );
  });
});

const EMPTY: Draft = { title: "Shop", description: "", span_ms: HOUR_MS, panels: [] };
const places = ({ panels }: Draft) =>
  Object.fromEntries(panels.map(({ panel, x, y, w, h }) => [panel, [x, y, w, h]]));

describe("dashboards", () => {
  const two = added(added(EMPTY, "chart"), "value");
  test("a new panel goes beside the last ones where there is room, else below", () => {
    expect(places(two)).toEqual({ chart: [0, 0, 6, 4], value: [6, 0, 3, 2] });
    expect(places(added(two, "chart")).chart_2).toEqual([0, 4, 6, 4]);
  });
  test("what is in the way of a panel that moves is pushed down; nothing leaves the grid", () => {
    expect(places(placed(two, "value", { x: 0 }))).toEqual({
      value: [0, 0, 3, 2],
      chart: [0, 2, 6, 4],
    });
    expect(places(placed(two, "value", { x: 40, w: 99, y: -3 })).value).toEqual([0, 0, 12, 2]);
  });
  test("panels fall up when one is taken away", () => {
    const stacked = placed(two, "value", { x: 0, y: 4 });
    expect(places(stacked).value).toEqual([0, 4, 3, 2]);
    expect(places(removed(stacked, "chart"))).toEqual({ value: [0, 0, 3, 2] });
  });
  test("keys move and resize by one, and past the panel above or below", () => {
    const stacked = placed(two, "value", { x: 0, y: 4 });
    const up = nudged(stacked, "value", "ArrowUp", false);
    expect(up && places(up)).toEqual({ value: [0, 0, 3, 2], chart: [0, 2, 6, 4] });
    const down = up && nudged(up, "value", "ArrowDown", false);
    expect(down && places(down)).toEqual(places(stacked));
    const wide = nudged(two, "chart", "ArrowRight", true);
    expect(wide && places(wide).chart).toEqual([0, 0, 7, 4]);
    expect(nudged(two, "chart", "a", false)).toBeNull();
  });
  test("whether there is anything to save", () => {
    const saved: Dashboard = {
      ...two,
      dashboard: "shop",
      revision: 1,
      created_at_ms: 0,
      created_by: "ann",
      changed_at_ms: 0,
      changed_by: "ann",
    };
    expect(isChanged(draftOf(saved), saved)).toBe(false);
    expect(isChanged(changed(draftOf(saved), "chart", { title: "Oil" }), saved)).toBe(true);
  });
  test("ids are made of titles", () => {
    expect(freshId([], "Press shop, Graz!")).toBe("press_shop_graz");
    expect(freshId(["a"], "A")).toBe("a_2");
    expect(freshId([], "日本")).toBe("dashboard");
  });
});

describe("words", () => {
  const at = new Date(2026, 10, 23, 9, 5, 7).getTime();
  test("ticks are as exact as they are apart, and name the day where it begins", () => {
    expect(tickText(at, 1_000, false)).toBe("09:05:07");
    expect(tickText(at, HOUR_MS, false)).toBe("09:05");
    expect(tickText(new Date(2026, 10, 24).getTime(), HOUR_MS, false)).toBe("11-24");
    expect(tickText(at, DAY_MS, false)).toBe("11-23");
    expect(tickText(at, 365 * DAY_MS, false)).toBe("2026");
  });
  test("a range tells its day once", () => {
    expect(rangeText(at, at + HOUR_MS)).toBe("2026-11-23 09:05:07 to 10:05:07");
    expect(rangeText(at, at + DAY_MS)).toBe("2026-11-23 09:05:07 to 2026-11-24 09:05:07");
  });
  test("spans are short", () => {
    expect([HOUR_MS, 3 * HOUR_MS, 90 * MINUTE_MS, 90_000].map(spanText)).toEqual([
      "1 h",
      "3 h",
      "90 min",
      "90 s",
    ]);
  });
});
