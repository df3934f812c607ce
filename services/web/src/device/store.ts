/**
 * One device as the page shows it: announcement, flows, runs, and one run's events.
 *
 * It asks on attaching, listens from then on, and asks again where hearing is not enough
 * (a gap in the events, a run's timers, an engine that is starting). Without a link it
 * keeps what it knew; the page marks that as stale.
 */

import {
  type DeviceDetail,
  type FlowSummary,
  GET_DEVICE,
  GET_FLOW,
  type InstalledFlow,
  LIST_FLOWS,
  LIST_INSTALLED,
  RUN_EVENT,
  RUN_STATUS,
  type RunEvents,
  type RunReport,
} from "../contract";
import { Filling, storedEvents } from "../run/filling";
import { type EventLog, firstMissing, merge } from "../run/log";
import { advance } from "../run/progress";
import { LiveValues } from "../telemetry/live";
import { type Followed, Follower } from "../wamp/follower";
import type { Link } from "../wamp/link";
import { parseWorkflow, type Workflow } from "../workflow/definition";

/** What is asked for separately, and may fail separately. */
export type Part = "device" | "flows" | "installed" | "runs" | "events" | "workflow" | "values";

export interface DeviceView extends Followed<Part> {
  readonly detail: DeviceDetail | null;
  readonly saved: readonly FlowSummary[];
  readonly installed: readonly InstalledFlow[] | null;
  readonly runs: readonly RunReport[] | null;
  readonly run: string | null; // the one shown
  readonly log: EventLog; // of the run shown
  readonly workflows: ReadonlyMap<string, Workflow>; // by `workflowKey`
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

export const workflowKey = (flow: string, version: number): string => `${flow}@${version}`;

export class DeviceStore extends Follower<Part, DeviceView> {
  readonly values = new LiveValues();
  #chosen: string | null = null; // null: the newest run
  readonly #filling = new Filling({
    isMissing: () => this.#missing() !== null,
    ask: () => this.load("events", (link) => this.#fillLog(link)),
    later: (delayMs, act) => this.later("events", delayMs, act),
  });

  constructor(readonly device: string) {
    super(EMPTY);
  }

  /** Follows the device over `link` until the returned function is called. */
  attach(link: Link): () => void {
    this.show({ isAnswering: false });
    const ids = { device: this.device };
    const heard = [
      link.hear(RUN_EVENT, (events) => this.#take(events), ids),
      this.values.hear(link, this.device),
    ];
    const end = this.follow(link, ...heard);
    Promise.allSettled(heard).then(() => this.refresh());
    const flows = setInterval(() => this.refreshFlows(), FLOWS_EVERY_MS);
    return () => {
      clearInterval(flows);
      end();
    };
  }

  /** Asks for everything anew. */
  refresh(): void {
    void this.load("device", async (link) => {
      const detail = await link.call(GET_DEVICE, { device: this.device });
      this.show({ detail });
      await this.loadValues();
    });
    this.refreshFlows();
    this.refreshRuns();
  }

  /** Flows may be saved and installed by others; no event tells of it. */
  refreshFlows(): void {
    void this.load("flows", async (link) => {
      this.show({ saved: (await link.call(LIST_FLOWS, {})).flows });
    });
    this.refreshInstalled();
  }

  async loadValues(): Promise<void> {
    const tags = this.view().detail?.tags ?? [];
    await this.load("values", (link) => this.values.load(link, this.device, tags));
  }

  refreshInstalled(): void {
    void this.load("installed", async (link) => {
      const ids = { device: this.device };
      const { flows } = await link.call(LIST_INSTALLED, {}, ids);
      this.show({ installed: flows });
      if (flows.some(({ state }) => state === "starting")) {
        this.later("installed", AGAIN_MS, () => this.refreshInstalled());
      }
    });
  }

  refreshRuns(): void {
    void this.load("runs", async (link) => {
      const { runs } = await link.call(RUN_STATUS, {}, { device: this.device });
      this.show({ runs, isAnswering: true });
      this.#follow();
      // A sustain window begins and ends without an event.
      if (runs.some(({ listening }) => listening.some(({ type }) => type === "CONDITION"))) {
        this.later("conditions", CONDITIONS_EVERY_MS, () => this.refreshRuns());
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
    const others = this.view().runs ?? [];
    const isKnown = others.some(({ run }) => run === report.run);
    this.show({
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
    if (this.view().workflows.has(key)) return;
    void this.load("workflow", async (link) => {
      const { definition } = await link.call(GET_FLOW, { flow, version });
      const workflows = new Map(this.view().workflows).set(key, parseWorkflow(definition));
      this.show({ workflows });
    });
  }

  /** Turns to the run to be shown, which may be another than before. */
  #follow(): void {
    const runs = this.view().runs ?? [];
    const shown = runs.find(({ run }) => run === this.#chosen) ?? runs[0];
    if (!shown) return;
    if (shown.run !== this.view().run) this.show({ run: shown.run, log: [] });
    this.loadWorkflow(shown.flow, shown.version);
    void this.#filling.fill();
  }

  #take({ run, flow, version, events }: RunEvents): void {
    const { runs, workflows } = this.view();
    if (!runs?.some((one) => one.run === run)) {
      this.refreshRuns();
      return;
    }
    const workflow = workflows.get(workflowKey(flow, version));
    this.show({
      runs: runs.map((one) =>
        one.run === run && workflow
          ? events.reduce((report, event) => advance(report, event, workflow), one)
          : one,
      ),
    });
    if (run === this.view().run) {
      this.show({ log: merge(this.view().log, events) });
      if (firstMissing(this.view().log, 0) !== null) void this.#filling.fill();
    }
    this.#settle();
  }

  /** Soon asks for the runs, once for a burst of events: only they tell the timers. */
  #settle(): void {
    this.later("runs", SETTLE_MS, () => this.refreshRuns());
  }

  #missing(): number | null {
    const report = this.view().runs?.find(({ run }) => run === this.view().run);
    return report ? firstMissing(this.view().log, report.events) : null;
  }

  async #fillLog(link: Link): Promise<void> {
    for (let first = this.#missing(); first !== null; ) {
      const run = this.view().run;
      if (run === null) return;
      const events = (await storedEvents(link, this.device, run, first))?.events ?? [];
      if (run === this.view().run) this.show({ log: merge(this.view().log, events) });
      const next = this.#missing();
      if (events.length === 0 || next === first) return;
      first = next;
    }
  }

  protected override failed(part: Part): void {
    if (RETRIED.includes(part)) this.later("retry", RETRY_MS, () => this.refresh());
  }
}
