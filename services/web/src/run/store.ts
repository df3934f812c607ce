/**
 * One run as its page shows it: its events, how the device says it stands, its workflow.
 *
 * Events and the flow's version are in fleetdata even when the device is away or has
 * forgotten the run; what the device reports is asked of it as long as it answers.
 */

import {
  type DeviceDetail,
  ERRORS,
  GET_DEVICE,
  GET_FLOW,
  RUN_EVENT,
  RUN_EVENTS,
  RUN_STATUS,
  type RunEvents,
  type RunReport,
} from "../contract";
import { FleetError, sentenceOf } from "../wamp/errors";
import type { Link } from "../wamp/link";
import { parseWorkflow, type Workflow } from "../workflow/definition";
import { type EventLog, firstMissing, merge } from "./log";
import { advance, hasEnded } from "./progress";
import type { Told } from "./replay";
import { Tracks } from "./tracks";

type Part = "report" | "events" | "workflow" | "device";

export interface RunView {
  readonly told: Told | null; // null: not known yet which flow it is of
  readonly report: RunReport | null; // the device's; null: it has not told
  readonly log: EventLog;
  readonly workflow: Workflow | null;
  readonly detail: DeviceDetail | null;
  readonly isForgotten: boolean; // the device knows no such run
  readonly isStored: boolean | null; // null: fleetdata was not asked yet
  readonly isAnswering: boolean; // the device has answered over the present link
  readonly problems: Readonly<Partial<Record<Part, string>>>;
}

const EMPTY: RunView = {
  told: null,
  report: null,
  log: [],
  workflow: null,
  detail: null,
  isForgotten: false,
  isStored: null,
  isAnswering: false,
  problems: {},
};
const SETTLE_MS = 200; // how long after an event the device is asked for its timers
const AGAIN_MS = 1_000;
const CONDITIONS_EVERY_MS = 1_500;
const EVENTS_PER_CALL = 1_000;
const LOST_EVENT_TRIES = 5;
const NOT_SERVED = "wamp.error.no_such_procedure";

export class RunStore {
  readonly tracks: Tracks;
  #view: RunView = EMPTY;
  #link: Link | null = null;
  #isFetching = false;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #watchers = new Set<() => void>();

  constructor(
    readonly device: string,
    readonly run: string,
  ) {
    this.tracks = new Tracks(device);
  }

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly view = (): RunView => this.#view;

  /** Follows the run over `link` until the returned function is called. */
  attach(link: Link): () => void {
    this.#link = link;
    this.#show({ isAnswering: false });
    const heard = link.hear(RUN_EVENT, (events) => this.#take(events), { device: this.device });
    heard.then(
      () => this.refresh(),
      () => this.refresh(),
    );
    return () => {
      if (this.#link === link) this.#link = null;
      for (const timer of this.#timers.values()) clearTimeout(timer);
      this.#timers.clear();
      heard.then(
        (unhear) => unhear(),
        () => {},
      );
    };
  }

  /** Asks for everything anew. */
  refresh(): void {
    void this.#load("device", async (link) => {
      this.#show({ detail: await link.call(GET_DEVICE, { device: this.device }) });
    });
    this.refreshReport();
    void this.#fetchEvents(LOST_EVENT_TRIES);
  }

  refreshReport(): void {
    void this.#load("report", async (link) => {
      try {
        const asked = { run: this.run };
        const { runs } = await link.call(RUN_STATUS, asked, { device: this.device });
        if (runs[0]) this.noteRun(runs[0]);
      } catch (error) {
        if (!isOf(error, ERRORS.RunNotFound, NOT_SERVED)) throw error;
        this.#show({ isForgotten: isOf(error, ERRORS.RunNotFound), report: null });
      }
    });
  }

  /** Takes over what the device told of the run. */
  noteRun(report: RunReport): void {
    if (report.run !== this.run) return;
    this.#show({ report, isAnswering: true, isForgotten: false });
    this.#learn(report);
    if (firstMissing(this.#view.log, report.events) !== null) {
      void this.#fetchEvents(LOST_EVENT_TRIES);
    }
    // A sustain window begins and ends without an event.
    if (!hasEnded(report.status) && report.listening.some(({ type }) => type === "CONDITION")) {
      this.#later("conditions", CONDITIONS_EVERY_MS, () => this.refreshReport());
    }
  }

  #learn({ flow, version }: { readonly flow: string; readonly version: number }): void {
    const { told, workflow } = this.#view;
    if (told?.flow !== flow || told.version !== version) {
      this.#show({ told: { run: this.run, flow, version } });
    }
    if (workflow) return;
    void this.#load("workflow", async (link) => {
      const { definition } = await link.call(GET_FLOW, { flow, version });
      this.#show({ workflow: parseWorkflow(definition) });
    });
  }

  #take({ run, events }: RunEvents): void {
    if (run !== this.run) return;
    const { report, workflow, log } = this.#view;
    const isMoved = report !== null && workflow !== null;
    this.#show({
      log: merge(log, events),
      report: isMoved ? events.reduce((r, e) => advance(r, e, workflow), report) : report,
    });
    if (firstMissing(this.#view.log, 0) !== null) void this.#fetchEvents(LOST_EVENT_TRIES);
    this.#later("report", SETTLE_MS, () => this.refreshReport());
  }

  /** Fills the log from fleetdata, which may be a moment behind the live events. */
  async #fetchEvents(tries: number): Promise<void> {
    if (this.#isFetching) return;
    this.#isFetching = true;
    try {
      await this.#load("events", (link) => this.#fillLog(link));
    } finally {
      this.#isFetching = false;
    }
    if (tries > 1 && this.#missing() !== null) {
      this.#later("events", AGAIN_MS, () => void this.#fetchEvents(tries - 1));
    }
  }

  #missing(): number | null {
    return firstMissing(this.#view.log, this.#view.report?.events ?? 0);
  }

  /** From the first number that is missing on, page by page to the end. */
  async #fillLog(link: Link): Promise<void> {
    for (let first = this.#missing() ?? this.#view.log.length; ; ) {
      const query = { device: this.device, run: this.run, first, limit: EVENTS_PER_CALL };
      const found = await storedEvents(link, query);
      this.#show({ isStored: found !== null });
      if (found === null) return;
      this.#learn(found);
      this.#show({ log: merge(this.#view.log, found.events) });
      if (found.events.length < EVENTS_PER_CALL) return;
      first = (found.events.at(-1)?.number ?? first) + 1;
    }
  }

  /** Runs one question; its failure is shown until it succeeds. */
  async #load(part: Part, ask: (link: Link) => Promise<void>): Promise<void> {
    const link = this.#link;
    if (!link) return;
    try {
      await ask(link);
      if (link === this.#link) this.#tellProblem(part, undefined);
    } catch (error) {
      if (link === this.#link) this.#tellProblem(part, sentenceOf(error));
    }
  }

  #tellProblem(part: Part, sentence: string | undefined): void {
    if (this.#view.problems[part] === sentence) return;
    const { [part]: _, ...others } = this.#view.problems;
    this.#show({ problems: sentence === undefined ? others : { ...others, [part]: sentence } });
  }

  /** At most one of a name waits. */
  #later(name: string, delayMs: number, act: () => void): void {
    if (this.#timers.has(name)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      act();
    }, delayMs);
    this.#timers.set(name, timer);
  }

  #show(change: Partial<RunView>): void {
    this.#view = { ...this.#view, ...change };
    for (const watcher of this.#watchers) watcher();
  }
}

function isOf(error: unknown, ...uris: readonly string[]): boolean {
  return error instanceof FleetError && uris.includes(error.uri);
}

/** Events in fleetdata; null while it has not heard of the run. */
async function storedEvents(
  link: Link,
  query: { device: string; run: string; first: number; limit: number },
): Promise<RunEvents | null> {
  try {
    return await link.call(RUN_EVENTS, query);
  } catch (error) {
    if (isOf(error, ERRORS.RunNotFound)) return null;
    throw error;
  }
}
