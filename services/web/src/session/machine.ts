/**
 * Staying connected, as a pure machine: every rule of it lives in this file.
 *
 * `step` says what becomes of the connection and what is to be done; `keeper.ts` does it.
 * It tries again for as long as the ticket may be good, with growing delays, and goes back
 * to the sign-in form with a sentence when it cannot be.
 */

import type { SessionTicket } from "../contract";
import { t } from "../texts";

export interface Session extends SessionTicket {
  readonly received_at_ms: number;
}

export type Connection =
  | { readonly at: "signed_out"; readonly sentence: string | null }
  | {
      readonly at: "joining";
      readonly session: Session;
      readonly failures: number;
      readonly refusals: number; // in a row; a restarting router may refuse at first
      readonly why: string | null;
    }
  | { readonly at: "joined"; readonly session: Session; readonly renew_at_ms: number }
  | {
      readonly at: "waiting";
      readonly session: Session;
      readonly failures: number;
      readonly refusals: number;
      readonly why: string;
      readonly retry_at_ms: number;
    };

export type Input =
  | { readonly is: "opened"; readonly session: Session }
  | { readonly is: "joined" }
  | { readonly is: "refused"; readonly sentence: string }
  | { readonly is: "failed"; readonly sentence: string }
  | { readonly is: "lost"; readonly sentence: string }
  | { readonly is: "tick" }
  | { readonly is: "hurry" } // the network or the person is back
  | { readonly is: "renewed"; readonly session: Session }
  | { readonly is: "renewal_failed" }
  | { readonly is: "sign_out" };

export type Effect =
  | { readonly do: "join"; readonly session: Session }
  | { readonly do: "renew" }
  | { readonly do: "leave" } // the link, or the attempt to get one
  | { readonly do: "keep"; readonly session: Session }
  | { readonly do: "forget" };

/** The world as the shell saw it when the input came; `jitter` is 0.7 to 1.3. */
export interface Moment {
  readonly now_ms: number;
  readonly jitter: number;
}

export interface Step {
  readonly state: Connection;
  readonly effects: readonly Effect[];
}

export const SIGNED_OUT: Connection = { at: "signed_out", sentence: null };
export const EXPIRED = t.link.expired;

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 5_000;
const MIN_RENEWAL_MS = 30_000;
const MAX_RENEWAL_MS = 300_000;
const RENEWAL_RETRY_MS = 20_000;
const MAX_REFUSALS = 6;

/** When to ask for a fresh ticket: after two thirds of its life, at the latest in 5 min. */
export function renewAt(session: Session): number {
  const life = session.expires_at_ms - session.received_at_ms;
  const after = Math.min(Math.max((life * 2) / 3, MIN_RENEWAL_MS), MAX_RENEWAL_MS);
  return session.received_at_ms + after;
}

interface Tried {
  readonly failures: number;
  readonly refusals: number;
  readonly why: string | null;
}

const NOT_TRIED: Tried = { failures: 0, refusals: 0, why: null };

const stay = (state: Connection): Step => ({ state, effects: [] });

const signOut = (sentence: string | null, ...effects: Effect[]): Step => ({
  state: { at: "signed_out", sentence },
  effects: [...effects, { do: "forget" }],
});

function join(session: Session, tried: Tried = NOT_TRIED): Step {
  const { failures, refusals, why } = tried;
  return {
    state: { at: "joining", session, failures, refusals, why },
    effects: [{ do: "join", session }],
  };
}

function wait(session: Session, tried: Tried & { why: string }, moment: Moment): Step {
  const { failures, refusals, why } = tried;
  const delay = Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS) * moment.jitter;
  const retry_at_ms = Math.round(moment.now_ms + delay);
  return stay({ at: "waiting", session, failures: failures + 1, refusals, why, retry_at_ms });
}

/** An input out of season changes nothing. */
export function step(state: Connection, input: Input, moment: Moment): Step {
  if (input.is === "opened") {
    const { state: joining, effects } = join(input.session);
    return { state: joining, effects: [{ do: "keep", session: input.session }, ...effects] };
  }
  switch (state.at) {
    case "signed_out":
      return stay(state);
    case "joining":
      return whileJoining(state, input, moment);
    case "joined":
      return whileJoined(state, input, moment);
    case "waiting":
      return whileWaiting(state, input, moment);
  }
}

type At<Name> = Extract<Connection, { at: Name }>;

function whileJoining(state: At<"joining">, input: Input, moment: Moment): Step {
  const { session, failures } = state;
  const why = "sentence" in input ? input.sentence : "";
  switch (input.is) {
    case "joined":
      return stay({ at: "joined", session, renew_at_ms: renewAt(session) });
    case "refused":
      if (moment.now_ms >= session.expires_at_ms) return signOut(EXPIRED);
      if (state.refusals + 1 >= MAX_REFUSALS) return signOut(why);
      return wait(session, { failures, refusals: state.refusals + 1, why }, moment);
    case "failed":
      return wait(session, { failures, refusals: 0, why }, moment);
    case "sign_out":
      return signOut(null, { do: "leave" });
    default:
      return stay(state);
  }
}

function whileJoined(state: At<"joined">, input: Input, moment: Moment): Step {
  switch (input.is) {
    case "lost":
      return wait(state.session, { ...NOT_TRIED, why: input.sentence }, moment);
    case "tick":
    case "hurry": {
      if (moment.now_ms < state.renew_at_ms) return stay(state);
      const renew_at_ms = moment.now_ms + RENEWAL_RETRY_MS;
      return { state: { ...state, renew_at_ms }, effects: [{ do: "renew" }] };
    }
    case "renewed": {
      const { session } = input;
      return {
        state: { at: "joined", session, renew_at_ms: renewAt(session) },
        effects: [{ do: "keep", session }],
      };
    }
    case "renewal_failed":
      return stay({ ...state, renew_at_ms: moment.now_ms + RENEWAL_RETRY_MS });
    case "sign_out":
      return signOut(null, { do: "leave" });
    default:
      return stay(state);
  }
}

function whileWaiting(state: At<"waiting">, input: Input, moment: Moment): Step {
  switch (input.is) {
    case "hurry":
      return join(state.session, { ...state, failures: 0 });
    case "tick":
      return moment.now_ms >= state.retry_at_ms ? join(state.session, state) : stay(state);
    case "sign_out":
      return signOut(null);
    default:
      return stay(state);
  }
}
