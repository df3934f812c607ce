/** Which tags a run's page draws. */

import { expect, test } from "vitest";
import type { Tag } from "../src/contract";
import { mentioned, plansOf, proposed } from "../src/run/plans";
import { nodesOf } from "../src/workflow/words";
import { bioreactor } from "./bioreactor";

const tag = (name: string, more: Partial<Tag> = {}): Tag => ({
  tag: name,
  unit: "",
  type: "float",
  writable: false,
  node: null,
  ...more,
});
const TAGS = [
  tag("temperature", { node: "b505cf08-cc3f-4814-8d76-3dd23ad1ea35" }),
  tag("temperature_setpoint", { writable: true, node: "8006ba5a-30cf-4d15-b4cb-34fda02e87e3" }),
  tag("ph"),
  tag("note", { type: "text" }),
  tag("recipe", { type: "json" }),
  tag("stirrer", { writable: true }),
];
const names = (plans: ReturnType<typeof plansOf>) =>
  plans.map(({ value, setpoint }) => [value.tag, setpoint?.tag ?? null]);

test("what can be drawn is drawn once, values with their setpoints", () => {
  expect(names(plansOf(TAGS))).toEqual([
    ["temperature", "temperature_setpoint"],
    ["ph", null],
    ["stirrer", null],
  ]);
});

test("what a workflow reads and sets is proposed, or else the first few", () => {
  const found = mentioned(bioreactor, nodesOf(TAGS));
  expect([...found].sort()).toEqual(["temperature", "temperature_setpoint"]);
  expect(names(proposed(plansOf(TAGS), found))).toEqual([["temperature", "temperature_setpoint"]]);
  expect(names(proposed(plansOf(TAGS), new Set()))).toEqual([
    ["temperature", "temperature_setpoint"],
    ["ph", null],
  ]);
});
