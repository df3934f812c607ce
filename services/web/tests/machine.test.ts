/** Staying connected: delays, tickets that run out, tickets renewed. */

import { describe, expect, test } from "vitest";
import {
  type Connection,
  EXPIRED,
  type Input,
  renewAt,
  type Session,
  SIGNED_OUT,
  type Step,
  step,
} from "../src/session/machine";

const T0 = 1_000_000;
const MINUTE = 60_000;

function session(overrides: Partial<Session> = {}): Session {
  return {
    user: "ada",
    project: "plant",
    realm: "project_plant",
    role: "operator",
    ticket: "first",
    session: "s1",
    received_at_ms: T0,
    expires_at_ms: T0 + 15 * MINUTE,
    ...overrides,
  };
}

function reached(inputs: readonly Input[], now_ms = T0, start: Connection = SIGNED_OUT): Step {
  return inputs.reduce<Step>(({ state }, input) => step(state, input, { now_ms, jitter: 1 }), {
    state: start,
    effects: [],
  });
}

const OPENED: Input = { is: "opened", session: session() };
const JOINED: Input = { is: "joined" };
const LOST: Input = { is: "lost", sentence: "the router closed the connection" };
const FAILED: Input = { is: "failed", sentence: "no router answers" };
const REFUSED: Input = { is: "refused", sentence: "the ticket has expired: sign in again" };
const TICK: Input = { is: "tick" };

describe("getting in", () => {
  test("an opened session is kept and joined", () => {
    expect(reached([OPENED]).effects).toEqual([
      { do: "keep", session: session() },
      { do: "join", session: session() },
    ]);
    expect(reached([OPENED, JOINED]).state.at).toBe("joined");
  });

  test("signing out while joining leaves and forgets", () => {
    const { state, effects } = reached([OPENED, { is: "sign_out" }]);
    expect(state).toEqual({ at: "signed_out", sentence: null });
    expect(effects).toEqual([{ do: "leave" }, { do: "forget" }]);
  });
});

describe("getting in again", () => {
  test("delays double up to five seconds", () => {
    let { state } = reached([OPENED, JOINED, LOST]);
    let now_ms = T0;
    const delays: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      if (state.at !== "waiting") throw new Error(state.at);
      delays.push(state.retry_at_ms - now_ms);
      now_ms = state.retry_at_ms;
      state = reached([TICK, FAILED], now_ms, state).state;
    }
    expect(delays).toEqual([500, 1000, 2000, 4000, 5000, 5000]);
  });

  test("a tick before its time does nothing", () => {
    const { state } = reached([OPENED, JOINED, LOST]);
    expect(reached([TICK], T0 + 499, state)).toEqual({ state, effects: [] });
  });

  test("hurry tries at once and starts with short delays again", () => {
    const waiting = reached([OPENED, FAILED, TICK], T0).state;
    const { state, effects } = reached([{ is: "hurry" }], T0 + 1, waiting);
    expect(effects).toEqual([{ do: "join", session: session() }]);
    expect(state).toMatchObject({ at: "joining", failures: 0 });
  });

  test("the newest ticket is used", () => {
    const fresh = session({ ticket: "second" });
    const { state } = reached([OPENED, JOINED, { is: "renewed", session: fresh }, LOST]);
    expect(reached([TICK], T0 + 500, state).effects).toEqual([{ do: "join", session: fresh }]);
  });
});

describe("tickets", () => {
  test("are renewed after two thirds of their life, at the latest in five minutes", () => {
    expect(renewAt(session({ expires_at_ms: T0 + 3 * MINUTE }))).toBe(T0 + 2 * MINUTE);
    expect(renewAt(session({ expires_at_ms: T0 + 60 * MINUTE }))).toBe(T0 + 5 * MINUTE);
  });

  test("of a clock that is wrong are renewed, but not in a rush", () => {
    expect(renewAt(session({ expires_at_ms: T0 - 60 * MINUTE }))).toBe(T0 + 30_000);
  });

  test("a renewal is asked for once, and again some time after it failed", () => {
    const { state } = reached([OPENED, JOINED]);
    const due = T0 + 5 * MINUTE;
    const asked = reached([TICK], due, state);
    expect(asked.effects).toEqual([{ do: "renew" }]);
    expect(reached([TICK], due + 1000, asked.state).effects).toEqual([]);
    const failed = reached([{ is: "renewal_failed" }], due + 1000, asked.state).state;
    expect(reached([TICK], due + 20_999, failed).effects).toEqual([]);
    expect(reached([TICK], due + 21_000, failed).effects).toEqual([{ do: "renew" }]);
  });

  test("that ran out and are refused lead to the sign-in form", () => {
    const late = T0 + 16 * MINUTE;
    const { state, effects } = reached([OPENED, REFUSED], late);
    expect(state).toEqual({ at: "signed_out", sentence: EXPIRED });
    expect(effects).toEqual([{ do: "forget" }]);
  });

  test("that should be good and are refused are tried six times: the router may be starting", () => {
    let { state } = reached([OPENED]);
    for (let tries = 1; tries < 6; tries += 1) {
      state = reached([REFUSED, { is: "hurry" }], T0, state).state;
      expect(state.at).toBe("joining");
    }
    expect(reached([REFUSED], T0, state).state).toEqual({
      at: "signed_out",
      sentence: "the ticket has expired: sign in again",
    });
  });

  test("a router that does not answer never signs anybody out", () => {
    let { state } = reached([OPENED]);
    for (let tries = 0; tries < 50; tries += 1) {
      state = reached([FAILED, { is: "hurry" }], T0 + 60 * MINUTE, state).state;
    }
    expect(state.at).toBe("joining");
  });
});

test("inputs out of season change nothing", () => {
  for (const input of [JOINED, LOST, FAILED, REFUSED, TICK] as const) {
    expect(reached([input]).state).toBe(SIGNED_OUT);
  }
  const joined = reached([OPENED, JOINED]).state;
  expect(reached([FAILED], T0, joined).state).toBe(joined);
});
