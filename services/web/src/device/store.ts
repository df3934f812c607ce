/**
 * One device as the page shows it: announcement, flows, runs, and one run's events.
 *
 * It asks on attaching, listens from then on, and asks again where hearing is not enough
 * (a gap in the events, a run's timers, an engine that is starting). Without a link it
 * keeps what it knew; the page marks that as stale.
 */

import {
  type DeviceDetail,
  ERRORS,
  type FlowSummary,
  GET_DEVICE,
  GET_FLOW,
  type InstalledFlow,
  LIST_FLOWS,
  LIST_INSTALLED,
  RUN_EVENT,
  RUN_EVENTS,
  RUN_STATUS,
  type RunEvents,
  type RunEventsQuery,
  type RunReport,
} from "../contract";
import { type EventLog, firstMissing, merge } from "../run/log";
import { advance } from "../run/progress";
import { LiveValues } from "../telemetry/live";
import { FleetError, sentenceOf } from "../wamp/errors";
import type { Link } from "../wamp/link";
import { parseWorkflow, type Workflow } from "../workflow/definition";

/** What is asked for separately, and may fail separately. */
export type Part = "device" | "flows" | "installed" | "runs" | "events" | "workflow" | "values";

export interface DeviceView {
  readonly detail: DeviceDetail | null;
  readonly saved: readonly FlowSummary[];
  readonly installed: readonly InstalledFlow[] | null;
  readonly runs: readonly RunReport[] | null;
  readonly run: string | null; // the one shown
  readonly log: EventLog; // of the run shown
  readonly workflows: ReadonlyMap<string, Workflow>; // by `workflowKey`
  readonly problems: Readonly<Partial<Record<Part, string>>>;
  readonly isAnswering: boolean; // whether it has answered over the present link
}

const EMPTY: DeviceView = {
  detail: null,
  saved: [],
  installed: null,
  runs: null,
  run: null,
  log: [],
  workflows: new Map(),
  problems: {},
  isAnswering: false,
};
const SETTLE_MS = 200; // how long after an event the device is asked for its timers
const AGAIN_MS = 1_000;
const CONDITIONS_EVERY_MS = 1_500;
const FLOWS_EVERY_MS = 10_000;
const RETRY_MS = 2_000;
const RETRIED: readonly Part[] = ["device", "flows", "installed", "runs"];
const EVENTS_PER_CALL = 1_000;
const LOST_EVENT_TRIES = 5;

export const workflowKey = (flow: string, version: number): string => `${flow}@${version}`;

export class DeviceStore {
  readonly values = new LiveValues();
  #view: DeviceView = EMPTY;
  #link: Link | null = null;
  #chosen: string | null = null; // null: the newest run
  #isFetchingEvents = false;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #watchers = new Set<() => void>();

  constructor(readonly device: string) {}

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly view = (): DeviceView => this.#view;

  /** Follows the device over `link` until the returned function is called. */
  attach(link: Link): () => void {
    this.#link = link;
    this.#show({ isAnswering: false });
    const ids = { device: this.device };
    const heard = [
      link.hear(RUN_EVENT, (events) => this.#take(events), ids),
      this.values.hear(link, this.device),
    ];
    Promise.allSettled(heard).then(() => this.refresh());
    const flows = setInterval(() => this.refreshFlows(), FLOWS_EVERY_MS);
    return () => {
      if (this.#link === link) this.#link = null;
      clearInterval(flows);
      for (const timer of this.#timers.values()) clearTimeout(timer);
      this.#timers.clear();
      for (const one of heard) {
        one.then(
          (unhear) => unhear(),
          () => {},
        );
      }
    };
  }

  /** Asks for everything anew. */
  refresh(): void {
    void this.#load("device", async (link) => {
      const detail = await link.call(GET_DEVICE, { device: this.device });
      this.#show({ detail });
      await this.loadValues();
    });
    this.refreshFlows();
    this.refreshRuns();
  }

  /** Flows may be saved and installed by others; no event tells of it. */
  refreshFlows(): void {
    void this.#load("flows", async (link) => {
      this.#show({ saved: (await link.call(LIST_FLOWS, {})).flows });
    });
    this.refreshInstalled();
  }

  async loadValues(): Promise<void> {
    const tags = this.#view.detail?.tags ?? [];
    await this.#load("values", (link) => this.values.load(link, this.device, tags));
  }

  refreshInstalled(): void {
    void this.#load("installed", async (link) => {
      const ids = { device: this.device };
      const { flows } = await link.call(LIST_INSTALLED, {}, ids);
      this.#show({ installed: flows });
      if (flows.some(({ state }) => state === "starting")) {
        this.#later("installed", AGAIN_MS, () => this.refreshInstalled());
      }
    });
  }

  refreshRuns(): void {
    void this.#load("runs", async (link) => {
      const { runs } = await link.call(RUN_STATUS, {}, { device: this.device });
      this.#show({ runs, isAnswering: true });
      this.#follow();
      // A sustain window begins and ends without an event.
      if (runs.some(({ listening }) => listening.some(({ type }) => type === "CONDITION"))) {
        this.#later("conditions", CONDITIONS_EVERY_MS, () => this.refreshRuns());
      }
    });
  }

  /** Shows one run; null: the newest, and the next one when it starts. */
  choose(run: string | null): void {
    this.#chosen = run;
    this.#follow();
  }

  /** Takes over a report that a command returned. */
  noteRun(report: RunReport): void {
    const others = this.#view.runs ?? [];
    const isKnown = others.some(({ run }) => run === report.run);
    this.#show({
      runs: isKnown
        ? others.map((one) => (one.run === report.run ? report : one))
        : [report, ...others],
    });
    this.#follow();
    this.#settle();
  }

  /** Makes a flow version's workflow known, once. */
  loadWorkflow(flow: string, version: number): void {
    const key = workflowKey(flow, version);
    if (this.#view.workflows.has(key)) return;
    void this.#load("workflow", async (link) => {
      const { definition } = await link.call(GET_FLOW, { flow, version });
      const workflows = new Map(this.#view.workflows).set(key, parseWorkflow(definition));
      this.#show({ workflows });
    });
  }

  /** Turns to the run to be shown, which may be another than before. */
  #follow(): void {
    const runs = this.#view.runs ?? [];
    const shown = runs.find(({ run }) => run === this.#chosen) ?? runs[0];
    if (!shown) return;
    if (shown.run !== this.#view.run) this.#show({ run: shown.run, log: [] });
    this.loadWorkflow(shown.flow, shown.version);
    void this.#fetchEvents(LOST_EVENT_TRIES);
  }

  #take({ run, flow, version, events }: RunEvents): void {
    const { runs, workflows } = this.#view;
    if (!runs?.some((one) => one.run === run)) {
      this.refreshRuns();
      return;
    }
    const workflow = workflows.get(workflowKey(flow, version));
    this.#show({
      runs: runs.map((one) =>
        one.run === run && workflow
          ? events.reduce((report, event) => advance(report, event, workflow), one)
          : one,
      ),
    });
    if (run === this.#view.run) {
      this.#show({ log: merge(this.#view.log, events) });
      if (firstMissing(this.#view.log, 0) !== null) void this.#fetchEvents(LOST_EVENT_TRIES);
    }
    this.#settle();
  }

  /** Soon asks for the runs, once for a burst of events: only they tell the timers. */
  #settle(): void {
    this.#later("runs", SETTLE_MS, () => this.refreshRuns());
  }

  /** Fills the log from fleetdata, which may be a moment behind the live events. */
  async #fetchEvents(tries: number): Promise<void> {
    if (this.#isFetchingEvents) return;
    this.#isFetchingEvents = true;
    try {
      await this.#load("events", (link) => this.#fillLog(link));
    } finally {
      this.#isFetchingEvents = false;
    }
    if (tries > 1 && this.#missing() !== null) {
      this.#later("events", AGAIN_MS, () => void this.#fetchEvents(tries - 1));
    }
  }

  #missing(): number | null {
    const report = this.#view.runs?.find(({ run }) => run === this.#view.run);
    return report ? firstMissing(this.#view.log, report.events) : null;
  }

  async #fillLog(link: Link): Promise<void> {
    for (let first = this.#missing(); first !== null; ) {
      const run = this.#view.run;
      if (run === null) return;
      const query = { device: this.device, run, first, limit: EVENTS_PER_CALL };
      const events = await storedEvents(link, query);
      if (run === this.#view.run) this.#show({ log: merge(this.#view.log, events) });
      const next = this.#missing();
      if (events.length === 0 || next === first) return;
      first = next;
    }
  }

  /** Runs one question; its failure is shown beside its part until it succeeds. */
  async #load(part: Part, ask: (link: Link) => Promise<void>): Promise<void> {
    const link = this.#link;
    if (!link) return;
    try {
      await ask(link);
      if (link === this.#link) this.#tellProblem(part, undefined);
    } catch (error) {
      if (link !== this.#link) return;
      this.#tellProblem(part, sentenceOf(error));
      if (RETRIED.includes(part)) this.#later("retry", RETRY_MS, () => this.refresh());
    }
  }

  #tellProblem(part: Part, sentence: string | undefined): void {
    if (this.#view.problems[part] === sentence) return;
    const problems = { ...this.#view.problems };
    if (sentence === undefined) delete problems[part];
    else problems[part] = sentence;
    this.#show({ problems });
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

  #show(change: Partial<DeviceView>): void {
    this.#view = { ...this.#view, ...change };
    for (const watcher of this.#watchers) watcher();
  }
}

/** Events in fleetdata; none while it has not heard of the run yet. */
async function storedEvents(link: Link, query: RunEventsQuery): Promise<EventLog> {
  try {
    return (await link.call(RUN_EVENTS, query)).events;
  } catch (error) {
    if (error instanceof FleetError && error.uri === ERRORS.RunNotFound) return [];
    throw error;
  }
}
