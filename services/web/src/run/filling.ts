/**
 * Fills a run's log from fleetdata, which may be a moment behind the live events: again
 * after a while, a few times, for as long as a number is missing.
 */

import { ERRORS, RUN_EVENTS, type RunEvents } from "../contract";
import { FleetError } from "../wamp/errors";
import type { Link } from "../wamp/link";

export const EVENTS_PER_CALL = 1_000;
const AGAIN_MS = 1_000;
const TRIES = 5;

interface Log {
  /** Whether a number is still missing. */
  readonly isMissing: () => boolean;
  /** Asks for what is missing; one question at a time. */
  readonly ask: () => Promise<void>;
  readonly later: (delayMs: number, act: () => void) => void;
}

export class Filling {
  #isAsking = false;

  constructor(readonly log: Log) {}

  async fill(tries = TRIES): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      await this.log.ask();
    } finally {
      this.#isAsking = false;
    }
    if (tries > 1 && this.log.isMissing()) {
      this.log.later(AGAIN_MS, () => void this.fill(tries - 1));
    }
  }
}

/** Events in fleetdata from a number on; null while it has not heard of the run. */
export async function storedEvents(
  link: Link,
  device: string,
  run: string,
  first: number,
): Promise<RunEvents | null> {
  try {
    return await link.call(RUN_EVENTS, { device, run, first, limit: EVENTS_PER_CALL });
  } catch (error) {
    if (error instanceof FleetError && error.uri === ERRORS.RunNotFound) return null;
    throw error;
  }
}
