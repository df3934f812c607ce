import { describe, expect, it } from "vitest";
import {
  type DeploymentMoved,
  type DeploymentReport,
  type DeploymentStatus,
  type DeviceReport,
  ERRORS,
  type HistoryEntry,
  type TargetReport,
  type TargetStatus,
} from "../src/contract";
import { durationMs, durationText } from "../src/deployments/durations";
import {
  EMPTY,
  type Form,
  faultsOf,
  formLike,
  formOf,
  missingIn,
  previewOf,
  requestOf,
} from "../src/deployments/form";
import { isFound, labelsInUse } from "../src/deployments/labels";
import { around, endedOf, sharesOf, stopsAt, wavesOf } from "../src/deployments/progress";
import { fieldsOf, refusalOf } from "../src/deployments/refusal";
import { moved, offersOf, saidIn } from "../src/deployments/standing";
import { declaredIn, readValue } from "../src/deployments/variables";
import { plannedOf } from "../src/deployments/warnings";
import { countsText, standingText, targetsText, windowText } from "../src/deployments/words";
import { FleetError } from "../src/wamp/errors";

const NOW = Date.UTC(2026, 10, 23, 12);

function report(status: DeploymentStatus, more: Partial<DeploymentReport> = {}): DeploymentReport {
  return {
    deployment: "dep_1",
    flow: "brew",
    version: 2,
    content_hash: "",
    strategy: "rolling",
    status,
    detail: "",
    total: 4,
    counts: { success: 1, deploying: 1, pending: 2 },
    wave: 0,
    waves: 2,
    config: {
      batch_size: 2,
      batch_delay: "5m",
      failure_threshold: 20,
      canary_percentage: 10,
      canary_delay: "0s",
      switch_delay: "10m",
      timeout: "30m",
      revert_timeout: "10m",
      auto_rollback: true,
      health_check: true,
      watch: "30s",
      check: "",
      max_in_flight: 0,
      retries: 5,
      catch_up: false,
      windows: [],
      needs_approval: false,
    },
    targets: { devices: [], labels: "site=graz", all: false, dynamic: true },
    active_runs: "finish",
    start_run: false,
    note: "",
    created_at_ms: NOW,
    created_by: "ada",
    started_at_ms: NOW,
    ended_at_ms: null,
    start_at_ms: null,
    approved_by: null,
    next_at_ms: null,
    revision: 5,
    ...more,
  };
}

const target = (device: string, wave: number, status: TargetStatus): TargetReport => ({
  device,
  wave,
  status,
  detail: "",
  attempts: 1,
  changed_at_ms: NOW,
  caught_up: false,
});

let number = 0;
const entry = (what: string, device: string | null, atMs: number, by = ""): HistoryEntry => {
  number += 1;
  return { number, what, device, at_ms: atMs, detail: "", by };
};

const device = (id: string, online: boolean, labels = {}): DeviceReport => ({
  device: id,
  kind: "edge",
  online,
  enrolled_at_ms: 0,
  last_seen_at_ms: null,
  version: null,
  runtime: null,
  labels,
});

describe("the form of a new deployment", () => {
  const filled: Form = { ...EMPTY, flow: "brew", devices: ["press_2", "press_1"] };
  const withWritten = (written: Partial<Form["written"]>, more: Partial<Form> = {}): Form => ({
    ...filled,
    ...more,
    written: { ...EMPTY.written, ...written },
  });

  it("says what is missing before there is anything to ask for", () => {
    expect(missingIn(EMPTY)).toMatch(/flow/);
    expect(missingIn({ ...EMPTY, flow: "brew" })).toMatch(/device/);
    expect(missingIn({ ...EMPTY, flow: "brew", who: "labels", labels: " " })).toMatch(/labels/);
    expect(missingIn({ ...EMPTY, flow: "brew", who: "all" })).toBeNull();
    expect(missingIn(filled)).toBeNull();
    expect(previewOf(EMPTY)).toBeNull();
  });

  it("leaves what is empty to the strategy's defaults, and keeps the order of devices", () => {
    const request = requestOf(filled, [], "k");
    expect(request?.targets).toEqual({
      devices: ["press_2", "press_1"],
      labels: null,
      all: false,
      dynamic: false,
    });
    expect(request?.config).toMatchObject({ canary_percentage: null, timeout: null, check: "" });
    expect(request).toMatchObject({ version: null, start: true, start_at_ms: null, key: "k" });
  });

  it("sends only the settings of its strategy, as numbers where they are numbers", () => {
    const form = withWritten(
      { batch_size: "5", batch_delay: " 1h ", canary_percentage: "30", failure_threshold: "25 %" },
      { strategy: "rolling" },
    );
    expect(requestOf(form, [], "k")?.config).toMatchObject({
      batch_size: 5,
      batch_delay: "1h",
      canary_percentage: null,
      failure_threshold: 25,
    });
  });

  it("joins labels with devices named beside them", () => {
    const form: Form = { ...filled, who: "labels", labels: " site=graz ", dynamic: true };
    expect(previewOf(form)?.targets).toEqual({
      devices: ["press_2", "press_1"],
      labels: "site=graz",
      all: false,
      dynamic: true,
    });
  });

  it("begins at once, at a time, or when it is told", () => {
    expect(requestOf({ ...filled, when: "later" }, [], "k")).toMatchObject({
      start: false,
      start_at_ms: null,
    });
    const timed: Form = { ...filled, when: "at", at: "2026-11-24T08:30" };
    expect(requestOf(timed, [], "k")).toMatchObject({
      start: false,
      start_at_ms: new Date("2026-11-24T08:30").getTime(),
    });
    expect(faultsOf({ ...timed, at: "" }, [])).toHaveProperty("start_at_ms");
  });

  it("refuses beside its field what no request can be made of", () => {
    const form = withWritten({ batch_size: "many", failure_threshold: "120", retries: "3" });
    expect(Object.keys(faultsOf(form, []))).toEqual(["batch_size", "failure_threshold"]);
    const shut = { ...filled, windows: [{ days: [], begins: "22:00", ends: "04:00" }] };
    expect(faultsOf(shut, [])).toHaveProperty("windows");
  });

  it("reads variables by their types, for all, for labels and for devices", () => {
    const variables = declaredIn({
      variables: [
        { name: "hold", type: "integer", value: 5, description: "how long" },
        { name: "warm", type: "boolean", value: true },
        { name: "odd", type: "matrix", value: 1 },
      ],
    });
    expect(variables.map(({ name }) => name)).toEqual(["hold", "warm"]);
    const form: Form = {
      ...filled,
      variables: { hold: "7", warm: "" },
      labelVariables: [{ whose: "line=a", name: "warm", text: "false" }],
      deviceVariables: [
        { whose: "press_1", name: "hold", text: "9" },
        { whose: "press_1", name: "warm", text: "true" },
      ],
    };
    expect(faultsOf(form, variables)).toEqual({});
    expect(requestOf(form, variables, "k")).toMatchObject({
      variables: { hold: 7 },
      label_variables: [{ labels: "line=a", variables: { warm: false } }],
      device_variables: { press_1: { hold: 9, warm: true } },
    });
    const wrong = { ...form, variables: { hold: "7.5" } };
    expect(faultsOf(wrong, variables)).toHaveProperty("variable hold");
    expect(readValue("number", "1e3")).toBe(1000);
    expect(readValue("number", "warm")).toBeUndefined();
  });

  it("takes what an address asks for, and the plan of another deployment", () => {
    const asked = formOf(new URLSearchParams("flow=brew&version=3&devices=a,b&labels=site%3Dgraz"));
    expect(asked).toMatchObject({ flow: "brew", version: 3, who: "labels", labels: "site=graz" });
    expect(asked.devices).toEqual(["a", "b"]);
    expect(formOf(new URLSearchParams("version=nine")).version).toBeNull();
    const like = formLike(report("completed"), 1);
    expect(like).toMatchObject({ version: 1, who: "labels", labels: "site=graz", dynamic: true });
    expect(like.written).toMatchObject({ batch_size: "2", batch_delay: "5m", canary_delay: "" });
  });
});

describe("a refused deployment", () => {
  const form: Form = { ...EMPTY, strategy: "rolling" };
  const fields = fieldsOf(form, [{ name: "hold", type: "number", value: 1, description: "" }]);

  it("tells each finding beside its field, and the rest together", () => {
    const error = new FleetError(ERRORS.StrategyInvalid, "all of it", {
      findings: [
        "timeout: 5s leaves nothing",
        "check, column 3: what is this",
        "canary_delay: of another strategy",
      ],
    });
    expect(refusalOf(error, fields)).toEqual({
      faults: { timeout: "5s leaves nothing", check: "what is this" },
      sentence: "canary_delay: of another strategy",
      conflict: null,
    });
  });

  it("knows whose sentence it is, and what stands in the way", () => {
    const variable = new FleetError(ERRORS.VariableInvalid, "no number", { name: "hold" });
    expect(refusalOf(variable, fields).faults).toEqual({ "variable hold": "no number" });
    const busy = new FleetError(ERRORS.DeploymentConflict, "wait", { deployment: "dep_9" });
    expect(refusalOf(busy, fields)).toMatchObject({ sentence: "wait", conflict: "dep_9" });
    const selector = new FleetError(ERRORS.SelectorInvalid, "expected a label");
    expect(refusalOf(selector, fields).faults).toEqual({ variables: "expected a label" });
    expect(refusalOf(selector, new Set()).sentence).toBe("expected a label");
    const shown = fieldsOf({ ...form, who: "labels" }, []);
    expect(refusalOf(selector, shown).faults).toEqual({ labels: "expected a label" });
  });
});

describe("the preview of a plan", () => {
  const { config } = report("running");
  const waves = [
    { devices: ["a"], online: 0 },
    { devices: ["b", "c"], online: 2 },
  ];
  const known = [device("a", false), device("b", true), device("c", true)];

  it("tells who is offline, that no canary is there, and how long it rests", () => {
    const planned = plannedOf(
      { waves, config: { ...config, canary_delay: "1h30m" } },
      { ...EMPTY, strategy: "canary" },
      known,
    );
    expect(planned).toMatchObject({ total: 3, offline: ["a"], atLeastMs: 5_400_000 });
    expect(planned.warnings).toHaveLength(2);
    expect(planned.warnings[0]).toMatch(/1 of 3 devices is offline.*30m/);
  });

  it("is silent about a plan in which everything is as usual", () => {
    const form: Form = { ...EMPTY, strategy: "rolling" };
    const calm = [{ devices: ["b", "c"], online: 2 }];
    expect(plannedOf({ waves: calm, config }, form, known).warnings).toEqual([]);
  });
});

describe("how far a deployment is", () => {
  it("has a bar of shares, in order, without what there is none of", () => {
    const counts = { failed: 1, success: 2, pending: 3, skipped: 0 };
    expect(sharesOf(counts).map(({ status }) => status)).toEqual(["success", "pending", "failed"]);
    expect(endedOf(counts)).toBe(3);
    expect(countsText(counts)).toBe("2 success, 3 pending, 1 failed");
  });

  it("stops at the failure that is more than the threshold", () => {
    const config = { failure_threshold: 20 };
    expect(stopsAt(10, 0, "rolling", config)).toBe(3);
    expect(stopsAt(3, 1, "canary", config)).toBe(1);
    expect(stopsAt(3, 0, "canary", { failure_threshold: 100 })).toBe(1);
    expect(stopsAt(4, 0, "rolling", { failure_threshold: 100 })).toBe(5);
  });

  it("sums by wave, and knows when each began and ended", () => {
    const targets = [
      target("a", 0, "success"),
      target("b", 0, "failed"),
      target("c", 1, "deploying"),
      target("d", 1, "pending"),
    ];
    const history = [
      entry("start", null, NOW, "ada"),
      entry("wave", null, NOW + 1),
      entry("deploying", "a", NOW + 2),
      entry("success", "a", NOW + 3),
      entry("failed", "b", NOW + 4),
      entry("wave", null, NOW + 5),
      entry("success", "a", NOW + 9), // not again
    ];
    const [first, second] = wavesOf(report("running", { wave: 1 }), targets, history);
    expect(first).toEqual({
      wave: 0,
      counts: { success: 1, failed: 1 },
      size: 2,
      failures: 1,
      stopsAt: 1,
      isCurrent: false,
      beganAtMs: NOW + 1,
      endedAtMs: NOW + 4,
    });
    expect(second).toMatchObject({ isCurrent: true, beganAtMs: NOW + 5, endedAtMs: null });
  });

  it("shows of many waves those around the present one", () => {
    const waves = Array.from({ length: 100 }, (_one, wave) => wave);
    expect(around(waves, 50)).toEqual([48, 49, 50, 51, 52, 53, 54, 55]);
    expect(around(waves, 0)[0]).toBe(0);
    expect(around(waves, 99).at(-1)).toBe(99);
    expect(around([1, 2, 3], 2)).toEqual([1, 2, 3]);
  });

  it("takes a newer move, and no older one", () => {
    const event: DeploymentMoved = {
      deployment: "dep_1",
      status: "paused",
      counts: { success: 2, pending: 3 },
      wave: 1,
      waves: 2,
      detail: "",
      revision: 6,
    };
    const known = report("running");
    expect(moved(known, event)).toMatchObject({ status: "paused", wave: 1, total: 5 });
    expect(moved(known, { ...event, revision: 5 })).toBe(known);
    expect(moved(known, { ...event, deployment: "dep_2" })).toBe(known);
    expect(moved(known, undefined)).toBe(known);
  });
});

describe("what can be done about a deployment", () => {
  const ada = { user: "ada", role: "owner" } as const;
  const bob = { user: "bob", role: "operator" } as const;
  const nothing = { isStarted: false, isCancelled: false };
  const deeds = (...of: Parameters<typeof offersOf>) => offersOf(...of).map(({ deed }) => deed);
  const held = report("pending", {
    config: { ...report("pending").config, needs_approval: true },
  });

  it("depends on its status", () => {
    expect(deeds(report("pending"), ada, nothing)).toEqual(["start", "cancel"]);
    expect(deeds(report("running"), ada, nothing)).toEqual(["pause", "roll_back", "cancel"]);
    expect(deeds(report("paused"), ada, nothing)).toEqual(["resume", "roll_back", "cancel"]);
    expect(deeds(report("rolling_back"), ada, nothing)).toEqual([]);
    const cancelled = { isStarted: true, isCancelled: true };
    expect(deeds(report("rolling_back"), ada, cancelled)).toEqual(["roll_back"]);
    for (const status of ["completed", "failed", "rolled_back", "cancelled"] as const) {
      expect(deeds(report(status), ada, nothing)).toEqual([]);
    }
  });

  it("is nothing for who only looks", () => {
    expect(offersOf(report("running"), { user: "eve", role: "viewer" }, nothing)).toEqual([]);
  });

  it("is for a second person, where one has to approve", () => {
    const said = saidIn([entry("created", null, NOW, "ada"), entry("start", null, NOW, "ada")]);
    expect(offersOf(held, ada, said)).toEqual([
      { deed: "approve", isOthers: true },
      { deed: "cancel", isOthers: false },
    ]);
    expect(offersOf(held, bob, said)[0]).toEqual({ deed: "approve", isOthers: false });
  });

  it("is told from its history, as far as the report does not say", () => {
    const cancel = entry("cancel", null, NOW, "ada");
    expect(saidIn([cancel])).toEqual({ isStarted: false, isCancelled: true });
    expect(saidIn([cancel, entry("rollback", null, NOW, "ada")]).isCancelled).toBe(false);
    expect(saidIn([entry("start", "a_device", NOW)]).isStarted).toBe(false);
  });
});

describe("how a deployment stands, in a sentence", () => {
  it("says what it waits for", () => {
    const needs = { ...report("pending").config, needs_approval: true };
    expect(standingText(report("pending", { config: needs }), NOW, { isStarted: true })).toBe(
      "It begins when a second person approves it.",
    );
    expect(standingText(report("pending"), NOW)).toBe("It waits to be started.");
    const timed = report("pending", { start_at_ms: NOW + 3_600_000 });
    expect(standingText(timed, NOW)).toMatch(/^It begins at .*, in 1h\.$/);
    const shut = report("running", {
      counts: { pending: 4 },
      next_at_ms: NOW - 5,
      config: { ...needs, windows: [{ days: [6], begins: "22:00", ends: "24:00" }] },
    });
    expect(standingText(shut, NOW)).toBe("It waits for a maintenance window.");
  });

  it("says how it goes on", () => {
    expect(standingText(report("running"), NOW)).toBe("Wave 1 of 2: 1 device at work now.");
    const resting = report("running", { next_at_ms: NOW + 61_000 });
    expect(standingText(resting, NOW)).toMatch(
      /^Wave 1 of 2 has ended\. Wave 2 begins .* 1m 1s\.$/,
    );
    expect(standingText(report("paused"), NOW)).toMatch(/1 device with an order goes on\.$/);
  });

  it("says why it ended", () => {
    expect(standingText(report("completed"), NOW)).toBe("All 4 devices run brew version 2.");
    const detail = "1 of 1 canary failed: press_1: engine exited (out of memory)";
    expect(standingText(report("rolled_back", { detail }), NOW)).toBe(
      `Its devices were put back: ${detail}.`,
    );
    expect(standingText(report("cancelled", { detail: "cancelled by ada" }), NOW)).toBe(
      "Cancelled by ada.",
    );
  });

  it("tells targets and windows as people say them", () => {
    const devices = ["a", "b", "c", "d", "e", "f", "g", "h"];
    expect(targetsText({ devices, labels: null, all: false, dynamic: false })).toBe(
      "a, b, c, d, e, f and 2 more",
    );
    expect(windowText({ days: [5, 6], begins: "22:00", ends: "04:00" })).toBe(
      "Sat, Sun 22:00–04:00 UTC",
    );
  });
});

describe("small words", () => {
  it("reads durations as the backend writes them", () => {
    expect(durationMs("1h30m")).toBe(5_400_000);
    expect(durationMs("soon")).toBeNull();
    expect(durationMs(250)).toBe(250);
    expect(durationText(5_400_000)).toBe("1h 30m");
    expect(durationText(-3)).toBe("0s");
  });

  it("shows the labels in use, and finds devices by them", () => {
    const devices = [device("a", true, { site: "graz" }), device("b", true, { spare: "" })];
    expect(labelsInUse(devices)).toEqual(["site (graz)", "spare"]);
    expect(devices.filter((one) => isFound(one, "SPARE b"))).toHaveLength(1);
  });
});
