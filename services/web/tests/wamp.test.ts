/** URIs and errors. */

import { describe, expect, test } from "vitest";
import { ERRORS, PRESENCE, START_RUN } from "../src/contract";
import { FleetError, fromWamp, LinkLost } from "../src/wamp/errors";
import { at, everywhere, idsOf } from "../src/wamp/uri";

describe("URIs", () => {
  test("are filled with ids, and with nothing else", () => {
    expect(at(START_RUN.uri, { device: "press_7" })).toBe("heddle.device.press_7.run.start");
    for (const device of ["", "a.b", "Press", "x".repeat(65)]) {
      expect(() => at(START_RUN.uri, { device })).toThrow(TypeError);
    }
  });

  test("over all ids, and back", () => {
    expect(everywhere(PRESENCE.uri)).toBe("heddle.device..presence");
    expect(idsOf(PRESENCE.uri, "heddle.device.press_7.presence")).toEqual({ device: "press_7" });
  });
});

describe("errors", () => {
  test("a declared one keeps its sentence and details", () => {
    const thrown = {
      errorUri: ERRORS.FlowInvalid,
      argsList: ["the workflow breaks 1 rule"],
      argsDict: { details: { findings: [] } },
    };
    expect(fromWamp("x", thrown)).toEqual(
      new FleetError(ERRORS.FlowInvalid, "the workflow breaks 1 rule", { findings: [] }),
    );
  });

  test("nobody serving it is told in plain words", () => {
    const error = fromWamp("heddle.x", {
      errorUri: "wamp.error.no_such_procedure",
      argsList: ["?"],
    });
    expect(error.message).toContain("Nobody serves heddle.x");
  });

  test("what is no WAMP error is a lost link", () => {
    expect(fromWamp("x", new Error("Connection closed"))).toBeInstanceOf(LinkLost);
  });
});
