/** The designer's model: edits, undo, connections, conditions, text. */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import {
  isGroup,
  joined,
  membersOf,
  NEW_COMPARISON,
  operandOf,
  optionOf,
  withMember,
  withMembers,
  withOption,
  withSide,
} from "../src/design/conditions";
import { isFull, refusal } from "../src/design/connect";
import {
  type Definition,
  definitionOf,
  emptyDefinition,
  flawOf,
  isSame,
  linksFrom,
  linksOf,
  partOf,
  shapesOf,
} from "../src/design/document";
import { shelf } from "../src/design/draft";
import {
  add,
  asBranch,
  bind,
  change,
  connect,
  copyOf,
  moveLink,
  paste,
  remove,
  rename,
  setField,
  setType,
} from "../src/design/edits";
import { amend, begin, edit, type History, redo, undo } from "../src/design/history";
import { addSetpoint, changeSetpoint, removeSetpoint, setpointsOf } from "../src/design/setpoints";
import { patch, readText, textOfDefinition } from "../src/design/text";
import { durationOf, durationText } from "../src/design/units";
import { addVariable, removeVariable, renameVariable, usesOf } from "../src/design/variables";

vi.setConfig({ testTimeout: 60_000 });

const FOLDER = new URL("../../../examples/flows/", import.meta.url);
const EXAMPLES = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json"))
  .map((name) => [name, readFileSync(new URL(name, FOLDER), "utf8")] as const);

function example(name: string): Definition {
  const text = EXAMPLES.find(([file]) => file === `${name}.json`)?.[1];
  const read = readText(text ?? "");
  if (read.is !== "definition") throw new Error(`${name} cannot be read`);
  return read.definition;
}

/** A variable, where a value stands. */
const variable = (name: string) => `\${${name}}`;

const bioreactor = example("bioreactor");
const gateway = "gateway_2";

describe("documents", () => {
  test.each(EXAMPLES)("%s comes back as it was", (_name, text) => {
    const read = readText(text);
    expect(read.is).toBe("definition");
    if (read.is !== "definition") return;
    expect(JSON.parse(textOfDefinition(read.definition))).toEqual(JSON.parse(text));
    expect(Object.keys(read.definition)).toEqual(Object.keys(JSON.parse(text)));
  });

  test("what cannot be drawn is told", () => {
    expect(flawOf([])).toEqual({ is: "not_an_object" });
    expect(flawOf({ elements: [] })).toEqual({ is: "no_id" });
    expect(flawOf({ id: "f", elements: {} })).toEqual({ is: "no_elements" });
    expect(flawOf({ id: "f", elements: [1] })).toEqual({ is: "element_not_an_object", place: 0 });
    expect(flawOf({ id: "f", elements: [{ id: "a" }] })).toEqual({
      is: "element_without_id",
      place: 0,
    });
    const twice = { id: "a", elementType: "PHASE" };
    expect(flawOf({ id: "f", elements: [twice, twice] })).toEqual({ is: "same_id", id: "a" });
    expect(definitionOf({ id: "f" })).toEqual({ id: "f", elements: [] });
    expect(readText("{").is).toBe("not_json");
  });

  test("the order of fields says nothing, that of elements does", () => {
    expect(isSame({ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 })).toBe(true);
    expect(isSame([1, 2], [2, 1])).toBe(false);
    expect(isSame({ a: undefined }, {})).toBe(false);
  });

  test("a patch of a text is the smallest piece that differs", () => {
    for (const [former, next] of [
      ["abc", "axc"],
      ["aaa", "aa"],
      ["", "x"],
      ["abab", "abcab"],
    ] as const) {
      const { from, to, insert } = patch(former, next) ?? { from: 0, to: 0, insert: "" };
      expect(former.slice(0, from) + insert + former.slice(to)).toBe(next);
    }
    expect(patch("same", "same")).toBeNull();
  });
});

describe("connections", () => {
  test.each(EXAMPLES)("every link of %s may be drawn, once", (_name, text) => {
    const read = readText(text);
    if (read.is !== "definition") throw new Error("unreadable");
    for (const link of linksOf(read.definition)) {
      const [from, to] = [String(link.srcId), String(link.destId)];
      const without = remove(read.definition, [link.id]);
      expect(refusal(without, from, to)).toBeNull();
      expect(refusal(read.definition, from, to, link.id)).toBeNull();
      const source = partOf(read.definition, from);
      const again = refusal(read.definition, from, to);
      expect(again).toBe(source?.elementType === "EVENT_LISTENER" ? "once" : null);
    }
  });

  test("what the language forbids cannot be drawn", () => {
    expect(refusal(bioreactor, "phase_1", "phase_2")).toBe("nowhere");
    expect(refusal(bioreactor, "eventDispatcher_1", "phase_2")).toBe("nowhere");
    expect(refusal(bioreactor, "gateway_1", "gateway_1")).toBe("itself");
    expect(refusal(bioreactor, "eventListener_1", "phase_2")).toBe("once");
    expect(refusal(bioreactor, "gateway_1", "eventListener_3")).toBeNull();
    expect(refusal(bioreactor, "nobody", "phase_2")).toBe("absent");
    expect(connect(bioreactor, "phase_1", "phase_2")).toBe(bioreactor);
    expect(isFull(bioreactor, "eventListener_1")).toBe(true);
    expect(isFull(bioreactor, "gateway_1")).toBe(false);
  });

  test("a choice's first links are its branches, and drawing one again moves it", () => {
    const bare = remove(bioreactor, ["flow_10", "flow_11"]);
    expect(partOf(bare, gateway)).not.toHaveProperty("trueFlowId");
    const both = connect(connect(bare, gateway, "phase_5"), gateway, "eventDispatcher_1");
    const [yes, no] = linksFrom(both, gateway);
    expect(partOf(both, gateway)).toMatchObject({ trueFlowId: yes?.id, falseFlowId: no?.id });
    const led = connect(both, gateway, "phase_1", "trueFlowId");
    expect(linksFrom(led, gateway)).toHaveLength(2);
    expect(partOf(led, yes?.id ?? "")).toMatchObject({ destId: "phase_1" });
    const swapped = asBranch(both, yes?.id ?? "", "falseFlowId");
    expect(partOf(swapped, gateway)).toMatchObject({ falseFlowId: yes?.id });
    expect(partOf(swapped, gateway)).not.toHaveProperty("trueFlowId");
  });

  test("a link is led elsewhere, and a branch led away from its gateway is none", () => {
    const moved = moveLink(bioreactor, "flow_1", "eventListener_1", "phase_2");
    expect(partOf(moved, "flow_1")).toMatchObject({ destId: "phase_2" });
    expect(moveLink(bioreactor, "flow_1", "eventListener_2", "phase_1")).toBe(bioreactor);
    const away = moveLink(bioreactor, "flow_10", "gateway_1", "phase_5");
    expect(partOf(away, gateway)).not.toHaveProperty("trueFlowId");
  });
});

describe("edits", () => {
  test("new elements have the first free name and what their kind needs", () => {
    const empty = emptyDefinition("f");
    const phase = add(empty, { elementType: "PHASE" });
    expect(phase.definition.elements).toEqual([
      { id: "phase_1", elementType: "PHASE", commands: [] },
    ]);
    const timer = add(phase.definition, { elementType: "EVENT_LISTENER", type: "TIMER" }, phase.id);
    expect(partOf(timer.definition, timer.id)).toEqual({
      id: "eventListener_1",
      elementType: "EVENT_LISTENER",
      type: "TIMER",
      phaseId: "phase_1",
      durationInMS: 60_000,
    });
  });

  test("a phase goes with its listeners and all their links", () => {
    const without = remove(bioreactor, ["phase_2"]);
    for (const id of [
      "phase_2",
      "eventListener_3",
      "eventListener_4",
      "flow_2",
      "flow_3",
      "flow_4",
    ])
      expect(partOf(without, id)).toBeUndefined();
    expect(without.elements).toHaveLength(bioreactor.elements.length - 6);
    expect(remove(bioreactor, ["nobody"])).toBe(bioreactor);
  });

  test("a copy says of copies what the original says of originals", () => {
    const parts = copyOf(bioreactor, ["phase_5", "phase_6", gateway]);
    const { definition, renamed } = paste(bioreactor, parts);
    const copy = (id: string) => partOf(definition, renamed.get(id) ?? "");
    expect(copy("eventListener_7")).toMatchObject({ phaseId: renamed.get("phase_5") });
    expect(copy("flow_10")).toMatchObject({ srcId: renamed.get(gateway) });
    expect(copy(gateway)).toMatchObject({ trueFlowId: renamed.get("flow_10") });
    expect(copy(gateway)).not.toHaveProperty("falseFlowId"); // END was not copied
    expect(JSON.stringify(copy(gateway)?.condition)).toContain(renamed.get(gateway));
    expect(flawOf(definition)).toBeNull();
    expect(paste(bioreactor, []).definition).toBe(bioreactor);
  });

  test("a listener copied without its phase keeps it, elsewhere it is global", () => {
    const parts = copyOf(bioreactor, ["eventListener_3"]);
    const here = paste(bioreactor, parts);
    const name = here.renamed.get("eventListener_3") ?? "";
    expect(partOf(here.definition, name)).toMatchObject({ phaseId: "phase_2" });
    const there = paste(emptyDefinition("f"), parts);
    expect(there.definition.elements[0]).not.toHaveProperty("phaseId");
  });

  test("a new name is taken over wherever the old one stands", () => {
    const renamed = rename(rename(bioreactor, gateway, "again"), "phase_2", "warm");
    expect(JSON.stringify(renamed)).not.toContain(`variable("gateway")`);
    expect(JSON.stringify(renamed)).not.toContain('"phase_2"');
    expect(rename(rename(renamed, "again", gateway), "warm", "phase_2")).toEqual(bioreactor);
    expect(rename(bioreactor, "phase_1", "phase_2")).toBe(bioreactor);
    const link = rename(bioreactor, "flow_10", "back");
    expect(partOf(link, gateway)).toMatchObject({ trueFlowId: "back" });
  });

  test("another kind keeps what it has and leaves out what it has not", () => {
    const timer = setType(bioreactor, "eventListener_4", "TIMER");
    expect(partOf(timer, "eventListener_4")).toEqual({
      id: "eventListener_4",
      elementType: "EVENT_LISTENER",
      type: "TIMER",
      phaseId: "phase_2",
      durationInMS: 60_000,
    });
    const merge = setType(bioreactor, gateway, "OR");
    expect(partOf(merge, gateway)).toEqual({ id: gateway, elementType: "GATEWAY", type: "OR" });
    const odd = change(bioreactor, "eventListener_2", (one) => ({ ...one, note: "mine" }));
    expect(partOf(setType(odd, "eventListener_2", "APPROVAL"), "eventListener_2")).toHaveProperty(
      "note",
      "mine",
    );
  });

  test("a listener is put on a phase and taken off", () => {
    const off = bind(bioreactor, "eventListener_3", null);
    expect(partOf(off, "eventListener_3")).not.toHaveProperty("phaseId");
    expect(bind(off, "eventListener_3", "phase_2").elements).toHaveLength(
      bioreactor.elements.length,
    );
    expect(bind(off, "eventListener_3", "gateway_1")).toBe(off);
    expect(bind(off, "gateway_1", "phase_1")).toBe(off);
  });

  test("setpoints are added, changed, removed; the last takes its command along", () => {
    const phase = { id: "p", elementType: "PHASE", commands: [] };
    const one = addSetpoint(phase, { inputNodeId: "stirrer", target: 300 });
    const two = addSetpoint(one, { inputNodeId: "air", target: true });
    expect(two.commands).toHaveLength(1);
    const [first, second] = setpointsOf(two);
    if (!first || !second) throw new Error("two setpoints");
    const changed = changeSetpoint(two, second, { ...second.target, target: false });
    expect(setpointsOf(changed).map(({ target }) => target.target)).toEqual([300, false]);
    expect(removeSetpoint(removeSetpoint(two, second), first).commands).toEqual([]);
  });
});

describe("undo", () => {
  /** A small generator of numbers: the same ones every time. */
  function dice(seed: number): (sides: number) => number {
    let state = seed;
    return (sides) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * sides);
    };
  }

  function anyEdit(was: Definition, roll: (sides: number) => number): Definition {
    const some = () => was.elements[roll(was.elements.length)]?.id ?? "";
    const kinds = [
      { elementType: "PHASE" },
      { elementType: "EVENT_LISTENER", type: "CONDITION" },
      { elementType: "GATEWAY", type: "CONDITIONAL" },
    ];
    switch (roll(9)) {
      case 0:
        return add(was, kinds[roll(3)] ?? { elementType: "PHASE" }, null).definition;
      case 1:
        return remove(was, [some(), some()]);
      case 2:
        return connect(was, some(), some());
      case 3:
        return moveLink(was, some(), some(), some());
      case 4:
        return rename(was, some(), `name_${roll(50)}`);
      case 5:
        return paste(was, copyOf(was, [some(), some()])).definition;
      case 6:
        return bind(was, some(), roll(2) ? some() : null);
      case 7:
        return setField(was, some(), "durationInMS", roll(100));
      default:
        return setType(was, some(), ["TIMER", "AND", "CONDITIONAL", "ALERT"][roll(4)] ?? "");
    }
  }

  test("any edits undone give the original, and done again the last", () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const roll = dice(seed);
      let history: History<Definition> = begin(bioreactor);
      for (let n = 0; n < 40; n += 1) {
        const next = anyEdit(history.present, roll);
        expect(flawOf(next)).toBeNull(); // whatever is done can be drawn
        expect(dangling(next)).toEqual([]);
        history = edit(history, next, n * 10, roll(3) ? null : "typing");
      }
      const last = history.present;
      const steps = history.past.length;
      for (let n = 0; n < steps; n += 1) history = undo(history);
      expect(history.present).toEqual(bioreactor);
      expect(undo(history)).toBe(history);
      for (let n = 0; n < steps; n += 1) history = redo(history);
      expect(history.present).toEqual(last);
    }
  });

  /** Links that lead from or to nothing, and links the language forbids. */
  function dangling(definition: Definition): string[] {
    const shapes = new Set(shapesOf(definition).map(({ id }) => id));
    return linksOf(definition)
      .filter(
        (link) =>
          !shapes.has(String(link.srcId)) ||
          !shapes.has(String(link.destId)) ||
          refusal(definition, String(link.srcId), String(link.destId), link.id) !== null,
      )
      .map(({ id }) => id);
  }

  test("quick edits of one group are one; an edit forgets what was undone", () => {
    let history = begin(0);
    history = edit(history, 1, 1_000, "name");
    history = edit(history, 2, 1_200, "name");
    history = edit(history, 3, 9_000, "name");
    expect(history.past).toEqual([0, 2]);
    expect(amend(history, 4).past).toEqual([0, 2]);
    history = edit(undo(history), 7, 9_100, "name");
    expect([history.past, history.present, history.future]).toEqual([[0, 2], 7, []]);
    expect(edit(history, 7, 9_200)).toBe(history);
  });
});

describe("conditions", () => {
  const sensor = { type: "SENSOR_DATA", data: { reporterFctId: "ph" } };

  test("both shapes of a data source are read, and kept", () => {
    const bare = { left: sensor, operator: ">", right: 7 };
    const wrapped = { left: { dataSource: sensor }, operator: ">", right: 7 };
    expect(operandOf(bare.left)).toEqual({ is: "tag", node: "ph" });
    expect(operandOf(wrapped.left)).toEqual({ is: "tag", node: "ph" });
    expect(withSide(bare, "left", { is: "tag", node: "level" })).toEqual({
      ...bare,
      left: { type: "SENSOR_DATA", data: { reporterFctId: "level" } },
    });
    expect(withSide(wrapped, "left", { is: "tag", node: "level" }).left).toHaveProperty(
      "dataSource",
    );
  });

  test("values, variables and activations are told apart", () => {
    expect(operandOf(variable("limit"))).toEqual({ is: "variable", name: "limit" });
    expect(operandOf(`${variable("limit")} x`)).toEqual({
      is: "text",
      value: `${variable("limit")} x`,
    });
    expect(operandOf(false)).toEqual({ is: "boolean", value: false });
    expect(operandOf(null)).toEqual({ is: "empty" });
    const counted = { type: "GATEWAY", data: { gatewayId: "g", property: "activations" } };
    expect(operandOf(counted)).toEqual({ is: "activations", gateway: "g" });
  });

  test("a group grows into a list and shrinks into what is left", () => {
    const pair = joined(NEW_COMPARISON, "OR");
    expect(isGroup(pair)).toBe(true);
    const third = { is: "condition", condition: { ...NEW_COMPARISON, operator: "<" } } as const;
    const three = withMembers(pair, [...membersOf(pair), third]);
    expect(three).not.toHaveProperty("left");
    expect(three.conditions).toHaveLength(3);
    const changed = withMember(three, 2, { is: "condition", condition: NEW_COMPARISON });
    expect(membersOf(changed)[2]).toEqual({ is: "condition", condition: NEW_COMPARISON });
    const [only] = membersOf(changed);
    expect(withMembers(changed, only ? [only] : [])).toEqual(NEW_COMPARISON);
    const plain = withMembers(three, [...membersOf(three), { is: "boolean", value: true }]);
    expect((plain.conditions as unknown[])[3]).toEqual({ left: true, operator: "==", right: true });
  });

  test("options come and go, the old name of one stays what it is", () => {
    const sustained = withOption(NEW_COMPARISON, "sustain", 5_000);
    expect(sustained.options).toEqual({ sustainTimeInMS: 5_000 });
    expect(withOption(sustained, "sustain", undefined)).toEqual(NEW_COMPARISON);
    const old = { ...NEW_COMPARISON, options: { consecutiveTimeMS: 1 } };
    expect(optionOf(old, "sustain")).toBe(1);
    expect(withOption(old, "sustain", 2).options).toEqual({ consecutiveTimeMS: 2 });
  });
});

describe("variables", () => {
  test("a new name is taken over where variables stand, and nowhere else", () => {
    const declared = addVariable(emptyDefinition("f"));
    const timer = add(declared, { elementType: "EVENT_LISTENER", type: "TIMER" });
    const used = setField(timer.definition, timer.id, "durationInMS", variable("variable_1"));
    const named = setField(used, timer.id, "note", variable("variable_1"));
    const renamed = renameVariable(named, 0, "wait_ms");
    expect(partOf(renamed, timer.id)).toMatchObject({
      durationInMS: variable("wait_ms"),
      note: variable("variable_1"),
    });
    expect(usesOf(renamed).get("wait_ms")).toBe(1);
    expect(renameVariable(renamed, 0, "9 lives")).toBe(renamed);
    expect(removeVariable(renamed, 0)).not.toHaveProperty("variables");
  });
});

describe("durations", () => {
  test("are written for people and read back without loss", () => {
    for (const ms of [0, 1, 999, 1_000, 20_000, 90_061, 100_000, 3_600_000, 90_000_000, 86_400_001])
      expect(durationOf(durationText(ms))).toBe(ms);
    expect(durationText(100_000)).toBe("1 min 40 s");
  });

  test("are read as people write them", () => {
    expect(durationOf("90")).toBe(90_000);
    expect(durationOf("1.5h")).toBe(5_400_000);
    expect(durationOf("2 hours 3 minutes")).toBe(7_380_000);
    expect(durationOf("0,5 s")).toBe(500);
    for (const wrong of ["", "soon", "5 weeks", "-3 s", "1e3", "5 s later"])
      expect(durationOf(wrong)).toBeNull();
  });
});

test("what this browser keeps comes back, and what is spoilt does not", () => {
  const kept = new Map<string, string>();
  const store = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  const place = shelf(store, "plant", "bioreactor");
  expect(place.draft()).toBeNull();
  place.keepDraft({ definition: bioreactor, revision: 3, atMs: 5 });
  place.keepPlaces(new Map([["phase_1", { x: 10, y: 20 }]]));
  expect(place.draft()).toEqual({ definition: bioreactor, revision: 3, atMs: 5 });
  expect(place.places().get("phase_1")).toEqual({ x: 10, y: 20 });
  expect(shelf(store, "plant", "other").draft()).toBeNull();
  place.keepDraft(null);
  expect(place.draft()).toBeNull();
  for (const key of kept.keys()) kept.set(key, "{ spoilt");
  expect(place.places().size).toBe(0);
});
