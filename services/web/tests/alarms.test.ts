/** Alarms: their order, which deeds fit, filters, the journal, figures, rules as forms. */

import { describe, expect, test } from "vitest";
import { commandsFor, DEEDS, fitting, PROCEDURES } from "../src/alarms/deeds";
import { bars, figuresOf } from "../src/alarms/figures";
import { countsOf, filtered, filtersOf, parted, rulesByKey } from "../src/alarms/filters";
import { answerTimes, quantile, wanted } from "../src/alarms/journal";
import { arrange, byUrgency, called, callingKeys, keyOf } from "../src/alarms/order";
import { draftOf, EMPTY, flawsOf, ruleOf, unreadable } from "../src/alarms/rules";
import { severityOf, worstOf } from "../src/alarms/severity";
import { spanOf } from "../src/alarms/spans";
import { conditionText, numberText, spanText } from "../src/alarms/words";
import { beforeAt } from "../src/app/instants";
import type { AlarmEntry, AlarmKpis, AlarmReport, AlarmRule, AlarmState } from "../src/contract";
import { csv } from "../src/ui/csv";
import { FleetError } from "../src/wamp/errors";

function report(alarm: string, changes: Partial<AlarmReport> = {}): AlarmReport {
  return {
    device: "press_7",
    alarm,
    tag: "temperature",
    state: "unacknowledged",
    severity: 500,
    place: "centre",
    since_ms: 1_000,
    raised_at_ms: 1_000,
    value: 40,
    first: false,
    who: null,
    comment: null,
    shelved_until_ms: null,
    text: "",
    kind: "hi",
    ...changes,
  };
}

function entry(id: number, alarm: string, cause: string, changes = {}): AlarmEntry {
  const transition = {
    alarm,
    tag: "temperature",
    at_us: id * 1_000_000,
    cause,
    before: "normal",
    after: cause === "raised" ? "unacknowledged" : "acknowledged",
    severity: 700,
    value: null,
    who: null,
    comment: null,
    number: id,
    until_ms: null,
    first: false,
    ...changes,
  };
  return { id, device: "press_7", place: "centre", transition };
}

const names = (alarms: readonly { readonly alarm: AlarmReport }[]) =>
  alarms.map(({ alarm }) => alarm.alarm);

describe("severity", () => {
  test("is the nearest of the four words", () => {
    expect([1, 200, 349, 351, 500, 601, 700, 801, 900, 1000].map(severityOf)).toEqual([
      "low",
      "low",
      "low",
      "medium",
      "medium",
      "high",
      "high",
      "critical",
      "critical",
      "critical",
    ]);
  });
  test("worst of none is none", () => {
    expect([worstOf([]), worstOf([200, 900, 500])]).toEqual([null, "critical"]);
  });
});

describe("the order", () => {
  test("is unseen, then severity, then the newest; what is hidden comes last", () => {
    const alarms = [
      report("hidden", { state: "shelved", severity: 900 }),
      report("seen", { state: "acknowledged", severity: 900 }),
      report("old", { raised_at_ms: 1 }),
      report("new", { raised_at_ms: 2 }),
      report("over", { state: "returned", severity: 700 }),
    ];
    expect([...alarms].sort(byUrgency).map(({ alarm }) => alarm)).toEqual([
      "over",
      "new",
      "old",
      "seen",
      "hidden",
    ]);
  });
  test("holds under a hand: ghosts keep their places, new ones come last", () => {
    const before = arrange([], [report("a"), report("b"), report("c")], false);
    const now = [
      report("c", { state: "acknowledged" }),
      report("a"),
      report("z", { severity: 900 }),
    ];
    const held = arrange(before, now, true);
    expect(held.map(({ alarm, isGone, isNew }) => [alarm.alarm, isGone, isNew])).toEqual([
      ["a", false, false],
      ["b", true, false],
      ["c", false, false],
      ["z", false, true],
    ]);
    expect(held[2]?.alarm.state).toBe("acknowledged");
    expect(names(arrange(held, now, false))).toEqual(["z", "a", "c"]);
  });
  test("tells what calls anew", () => {
    const before = callingKeys([report("a"), report("b", { state: "acknowledged" })]);
    expect(called(before, [report("a"), report("b")]).map(keyOf)).toEqual(["press_7/b"]);
  });
});

describe("deeds", () => {
  const of = (state: AlarmState, kind: AlarmReport["kind"] = "hi") => fitting([{ state, kind }]);
  test("fit the state", () => {
    const hiding = ["suppress", "out_of_service"];
    expect(of("unacknowledged")).toEqual(["acknowledge", "shelve", "comment", ...hiding]);
    expect(of("acknowledged")).toEqual(["shelve", "comment", ...hiding]);
    expect(of("returned")).toEqual(["acknowledge", "shelve", "comment", ...hiding]);
    expect(of("latched_acknowledged")).toEqual(["shelve", "comment", "reset", ...hiding]);
    expect(of("shelved")).toEqual(["comment", "unshelve"]);
    expect(of("suppressed")).toEqual(["comment", "unsuppress"]);
    expect(of("out_of_service")).toEqual(["comment", "return_to_service"]);
    expect(of("normal")).toEqual(["comment"]);
  });
  test("on an alarm without a rule are to acknowledge and to comment", () => {
    expect(of("unacknowledged", null)).toEqual(["acknowledge", "comment"]);
  });
  test("of several are those that fit any of them", () => {
    expect(
      fitting([report("a", { state: "shelved" }), report("b", { state: "acknowledged" })]),
    ).toEqual(["shelve", "comment", "suppress", "out_of_service", "unshelve"]);
    expect(fitting([])).toEqual([]);
  });
  test("are one command for each device, of those that they fit", () => {
    const alarms = [
      report("a"),
      report("b", { state: "acknowledged" }),
      report("c", { device: "press_8" }),
      report("d"),
    ];
    expect(commandsFor("acknowledge", alarms, "seen", null)).toEqual([
      { device: "press_7", alarms: ["a", "d"], comment: "seen" },
      { device: "press_8", alarms: ["c"], comment: "seen" },
    ]);
    expect(commandsFor("shelve", [report("a")], "", 99)[0]?.until_ms).toBe(99);
  });
  test("are for operators and owners only", () => {
    const callers = DEEDS.map((deed) => [...PROCEDURES[deed].calledBy].sort().join());
    expect(new Set(callers)).toEqual(new Set(["operator,owner"]));
  });
});

describe("filters", () => {
  const rule = { device: "press_7", alarm: "a", group: "heat" } as AlarmRule;
  const alarms = [
    report("a", { severity: 900, text: "Open the valve" }),
    report("b", { device: "press_8", state: "acknowledged" }),
    report("c", { state: "latched_unacknowledged" }),
  ];
  const found = (query: string) =>
    filtered(alarms, filtersOf(new URLSearchParams(query)), rulesByKey([rule])).map(
      ({ alarm }) => alarm,
    );
  test("each narrows the list", () => {
    expect(found("")).toEqual(["a", "b", "c"]);
    expect(found("severity=critical")).toEqual(["a"]);
    expect(found("severity=nonsense")).toEqual(["a", "b", "c"]);
    expect(found("state=seen")).toEqual(["b"]);
    expect(found("state=latched")).toEqual(["c"]);
    expect(found("device=press_8")).toEqual(["b"]);
    expect(found("group=heat")).toEqual(["a"]);
    expect(found("q=VALVE+open")).toEqual(["a"]);
    expect(found("q=valve&device=press_8")).toEqual([]);
  });
  test("hidden ones are apart, counts are by severity", () => {
    const { shown, hidden } = parted([...alarms, report("d", { state: "suppressed" })]);
    expect([shown.length, hidden.length]).toEqual([3, 1]);
    expect(countsOf(shown).map(({ all, unseen }) => [all, unseen])).toEqual([
      [1, 1],
      [0, 0],
      [2, 1],
      [0, 0],
    ]);
  });
});

describe("the journal", () => {
  test("is filtered by severity and by what happened", () => {
    const entries = [
      entry(3, "a", "shelving_expired"),
      entry(2, "a", "shelved"),
      entry(1, "a", "raised"),
    ];
    const ids = (happening: "hidden" | "unhidden" | null, severity: "high" | "low" | null = null) =>
      wanted(entries, { happening, severity }).map(({ id }) => id);
    expect(ids(null)).toEqual([3, 2, 1]);
    expect(ids("hidden")).toEqual([2]);
    expect(ids("unhidden")).toEqual([3]);
    expect(ids(null, "low")).toEqual([]);
  });
  test("tells how long each call waited for its acknowledgement", () => {
    const entries = [
      entry(60, "c", "raised"),
      entry(50, "b", "acknowledged"),
      entry(40, "a", "acknowledged"),
      entry(30, "a", "re_alarmed", { after: "unacknowledged" }),
      entry(21, "b", "shelved", { after: "shelved" }),
      entry(20, "b", "raised"),
      entry(10, "a", "raised"),
    ];
    expect(answerTimes(entries)).toEqual([30_000]); // c waits still, b was hidden meanwhile
    expect([quantile([], 0.5), quantile([3, 1, 2], 0.5), quantile([1, 2, 3], 0.9)]).toEqual([
      null,
      2,
      3,
    ]);
  });
});

describe("key figures", () => {
  const kpis: AlarmKpis = {
    annunciated: 150,
    per_hour: [1, 2, 3, 4, 5],
    average_per_10_min: 1.5,
    peak_per_10_min: 30,
    floods: [],
    in_flood: 0.005,
    chattering: [{ device: "press_7", alarm: "a" }],
    stale: [],
    top: [{ device: "press_7", alarm: "a", annunciated: 15, share: 0.1 }],
    by_severity: {},
  };
  const verdicts = (found: AlarmKpis) =>
    Object.fromEntries(figuresOf(found).map(({ name, verdict }) => [name, verdict]));
  test("stand beside their targets", () => {
    expect(verdicts(kpis)).toEqual({
      average: "watch",
      peak: "bad",
      flood: "good",
      chattering: "bad",
      stale: "good",
      top: "watch",
    });
  });
  test("of few alarms no share is judged", () => {
    expect(verdicts({ ...kpis, annunciated: 4 }).top).toBe("few");
  });
  test("bars are whole hours and lose none", () => {
    const hour = 3_600_000;
    expect(bars([1, 2, 3, 4, 5], 0, 2)).toEqual([
      { fromMs: 0, toMs: 3 * hour, count: 6 },
      { fromMs: 3 * hour, toMs: 5 * hour, count: 9 },
    ]);
    expect(bars([], 0, 2)).toEqual([]);
  });
});

describe("rules", () => {
  test("a form's rule has only the fields of its kind", () => {
    const rule = ruleOf({
      ...EMPTY,
      device: "press_7",
      alarm: " silent ",
      tag: "temperature",
      kind: "stale",
      limit: "12",
      after: "1,5",
      onDelay: "3",
    });
    expect(rule).toMatchObject({
      alarm: "silent",
      kind: "stale",
      after_ms: 1_500,
      limit: null,
      deadband: null,
      when: null,
      on_delay_ms: 0,
    });
  });
  test("a rule comes back as it was", () => {
    const rule: AlarmRule = {
      device: "press_7",
      alarm: "hot",
      tag: "temperature",
      kind: "deviation",
      place: "edge",
      limit: 2.5,
      setpoint: -1,
      when: null,
      after_ms: null,
      uncertain: null,
      deadband: 0.5,
      on_delay_ms: 1_500,
      off_delay_ms: 0,
      re_alarm_ms: 60_000,
      severity: "high",
      latching: true,
      group: "heat",
      text: "Open the valve",
    };
    expect(ruleOf(draftOf(rule))).toEqual(rule);
    expect(conditionText(rule)).toBe("2.5 away from -1");
  });
  test("what is no number is told at its field, and only of fields the kind has", () => {
    const draft = { ...EMPTY, limit: "warm", setpoint: "x", onDelay: "2" };
    expect(unreadable(draft, "is no number")).toEqual({ limit: "is no number" });
  });
  test("the server's flaws are told at their fields", () => {
    const flaws = [
      { field: "limit", message: "is missing" },
      { field: "limit", message: "must be a finite number" },
      { field: "alarm", message: "must be 1 to 64 of a-z, 0-9 and _" },
    ];
    const refused = new FleetError("heddle.error.alarm_rules_invalid", "no", { flaws });
    expect(flawsOf(refused)).toEqual({
      limit: "is missing; must be a finite number",
      alarm: "must be 1 to 64 of a-z, 0-9 and _",
    });
    expect(flawsOf(new FleetError("heddle.error.not_permitted", "no"))).toBeNull();
  });
});

describe("words", () => {
  test("numbers and spans are short", () => {
    expect([23.966, 0.02779, 1234.56, 50, null].map(numberText)).toEqual([
      "23.97",
      "0.0278",
      "1234.6",
      "50",
      "–",
    ]);
    expect([40_000, 720_000, 10_800_000].map(spanText)).toEqual(["40 s", "12 min", "3 h"]);
  });
  test("an address's span is the last day where it makes no sense", () => {
    const span = (query: string) => spanOf(new URLSearchParams(query), 1e9);
    expect(span("span=3600000")).toEqual({ lengthMs: 3_600_000, fromMs: 996_400_000, toMs: 1e9 });
    expect(span("span=-3")).toMatchObject({ lengthMs: 86_400_000 });
    expect(span("from=5&to=9")).toEqual({ lengthMs: null, fromMs: 5, toMs: 9 });
    expect(span("from=9&to=5")).toMatchObject({ lengthMs: 86_400_000 });
  });
});

describe("files", () => {
  test("quote what needs it, and are not run by a spreadsheet", () => {
    expect(
      csv(
        ["a", "b"],
        [
          ['say "hi", you', -3],
          ["=1+1", null],
          ["@x", true],
        ],
      ),
    ).toBe('a,b\r\n"say ""hi"", you",-3\r\n\'=1+1,\r\n\'@x,true\r\n');
  });
});

describe("a moment in a numbered trail", () => {
  const trail = [10, 20, 20, 30, 45].map((at_ms, index) => ({ number: index + 1, at_ms }));
  const read = async (before: number | null) =>
    trail.findLast(({ number }) => before === null || number < before) ?? null;
  test("is before the first entry that is later", async () => {
    expect(await beforeAt(20, read)).toBe(4);
    expect(await beforeAt(29, read)).toBe(4);
    expect(await beforeAt(5, read)).toBe(1);
    expect(await beforeAt(45, read)).toBeNull();
    expect(await beforeAt(45, async () => null)).toBeNull();
  });
});
