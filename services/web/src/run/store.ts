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
  RUN_STATUS,
  type RunEvents,
  type RunReport,
} from "../contract";
import { FleetError } from "../wamp/errors";
import { type Followed, Follower } from "../wamp/follower";
import type { Link } from "../wamp/link";
import { parseWorkflow, type Workflow } from "../workflow/definition";
import { EVENTS_PER_CALL, Filling, storedEvents } from "./filling";
import { type EventLog, firstMissing, merge } from "./log";
import { advance, hasEnded } from "./progress";
import type { Told } from "./replay";
import { Tracks } from "./tracks";

type Part = "report" | "events" | "workflow" | "device";

export interface RunView extends Followed<Part> {
  readonly told: Told | null; // null: not known yet which flow it is of
  readonly report: RunReport | null; // the device's; null: it has not told
  readonly log: EventLog;
  readonly workflow: Workflow | null;
  readonly detail: DeviceDetail | null;
  readonly isForgotten: boolean; // the device knows no such run
  readonly isStored: boolean | null; // null: fleetdata was not asked yet
  readonly isAnswering: boolean; // the device has answered over the present link
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
const CONDITIONS_EVERY_MS = 1_500;
const NOT_SERVED = "wamp.error.no_such_procedure";

export class RunStore extends Follower<Part, RunView> {
  readonly tracks: Tracks;
  readonly #filling = new Filling({
    isMissing: () => this.#missing() !== null,
    ask: () => this.load("events", (link) => this.#fillLog(link)),
    later: (delayMs, act) => this.later("events", delayMs, act),
  });

  constructor(
    readonly device: string,
    readonly run: string,
  ) {
    super(EMPTY);
    this.tracks = new Tracks(device);
  }

  /** Follows the run over `link` until the returned function is called. */
  attach(link: Link): () => void {
    this.show({ isAnswering: false });
    const heard = link.hear(RUN_EVENT, (events) => this.#take(events), { device: this.device });
    const end = this.follow(link, heard);
    heard.then(
      () => this.refresh(),
      () => this.refresh(),
    );
    return end;
  }

  /** Asks for everything anew. */
  refresh(): void {
    void this.load("device", async (link) => {
      this.show({ detail: await link.call(GET_DEVICE, { device: this.device }) });
    });
    this.refreshReport();
    void this.#filling.fill();
  }

  refreshReport(): void {
    void this.load("report", async (link) => {
      try {
        const asked = { run: this.run };
        const { runs } = await link.call(RUN_STATUS, asked, { device: this.device });
        if (runs[0]) this.noteRun(runs[0]);
      } catch (error) {
        if (!isOf(error, ERRORS.RunNotFound, NOT_SERVED)) throw error;
        this.show({ isForgotten: isOf(error, ERRORS.RunNotFound), report: null });
      }
    });
  }

  /** Takes over what the device told of the run. */
  noteRun(report: RunReport): void {
    if (report.run !== this.run) return;
    this.show({ report, isAnswering: true, isForgotten: false });
    this.#learn(report);
    if (firstMissing(this.view().log, report.events) !== null) {
      void this.#filling.fill();
    }
    // A sustain window begins and ends without an event.
    if (!hasEnded(report.status) && report.listening.some(({ type }) => type === "CONDITION")) {
      this.later("conditions", CONDITIONS_EVERY_MS, () => this.refreshReport());
    }
  }

  #learn({ flow, version }: { readonly flow: string; readonly version: number }): void {
    const { told, workflow } = this.view();
    if (told?.flow !== flow || told.version !== version) {
      this.show({ told: { run: this.run, flow, version } });
    }
    if (workflow) return;
    void this.load("workflow", async (link) => {
      const { definition } = await link.call(GET_FLOW, { flow, version });
      this.show({ workflow: parseWorkflow(definition) });
    });
  }

  #take({ run, events }: RunEvents): void {
    if (run !== this.run) return;
    const { report, workflow, log } = this.view();
    const isMoved = report !== null && workflow !== null;
    this.show({
      log: merge(log, events),
      report: isMoved ? events.reduce((r, e) => advance(r, e, workflow), report) : report,
    });
    if (firstMissing(this.view().log, 0) !== null) void this.#filling.fill();
    this.later("report", SETTLE_MS, () => this.refreshReport());
  }

  #missing(): number | null {
    return firstMissing(this.view().log, this.view().report?.events ?? 0);
  }

  /** From the first number that is missing on, page by page to the end. */
  async #fillLog(link: Link): Promise<void> {
    for (let first = this.#missing() ?? this.view().log.length; ; ) {
      const found = await storedEvents(link, this.device, this.run, first);
      this.show({ isStored: found !== null });
      if (found === null) return;
      this.#learn(found);
      this.show({ log: merge(this.view().log, found.events) });
      if (found.events.length < EVENTS_PER_CALL) return;
      first = (found.events.at(-1)?.number ?? first) + 1;
    }
  }
}

function isOf(error: unknown, ...uris: readonly string[]): boolean {
  return error instanceof FleetError && uris.includes(error.uri);
}
