/** Alarms and phases of some devices in a span of time, asked for again while it goes on. */

import { type AlarmMark, alarmMarks, type PhaseBand, phaseBands } from "../charts/marks";
import {
  ALARM_JOURNAL,
  GET_FLOW,
  RUN_EVENTS,
  RUNS,
  type RunRecord,
  type WorkflowEvent,
} from "../contract";
import type { Link } from "../wamp/link";
import { parseWorkflow, type Workflow } from "../workflow/definition";

export interface MarksView {
  readonly alarms: readonly AlarmMark[];
  readonly phases: readonly PhaseBand[];
}

const NOTHING: MarksView = { alarms: [], phases: [] };
const MOST_DEVICES = 20; // with alarms
const MOST_WITH_PHASES = 4; // more bands than that tell nothing
const MOST_ALARMS = 300;
const MOST_RUNS = 20; // of one device
const MOST_OF_ALL = 200;
const MOST_EVENTS = 5_000;
const EVENTS_PER_CALL = 1_000;
const EVERY_MS = 5_000;
const SETTLE_MS = 250;
const LONGEST_WITH_PHASES_MS = 31 * 86_400_000;

interface Known {
  readonly events: readonly WorkflowEvent[];
  readonly isOver: boolean;
}

export class Marks {
  readonly #watchers = new Set<() => void>();
  readonly #events = new Map<string, Known>();
  readonly #workflows = new Map<string, Promise<Workflow>>();
  #view = NOTHING;
  #link: Link | null = null;
  #bounds: () => readonly [number, number] = () => [0, 0];
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(readonly devices: readonly string[]) {}

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly view = (): MarksView => this.#view;

  attach(link: Link, bounds: () => readonly [number, number]): () => void {
    this.#link = link;
    this.#bounds = bounds;
    this.#later(0);
    return () => {
      this.#link = null;
      this.#asked += 1;
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
    };
  }

  /** Another span is shown. */
  refresh(): void {
    if (this.#link) this.#later(SETTLE_MS);
  }

  #later(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#load();
    }, ms);
  }

  async #load(): Promise<void> {
    const link = this.#link;
    if (!link) return;
    this.#asked += 1;
    const asked = this.#asked;
    const [from, to] = this.#bounds().map(Math.round) as [number, number];
    try {
      const [alarms, phases] = await Promise.all([
        this.#alarms(link, from, to),
        to - from <= LONGEST_WITH_PHASES_MS ? this.#phases(link, from, to) : [],
      ]);
      if (asked !== this.#asked) return;
      this.#view = { alarms, phases };
      for (const watcher of this.#watchers) watcher();
    } catch {
      // Marks are beside the point of a chart: what was known stays, and it is asked again.
    }
    if (asked === this.#asked) this.#later(EVERY_MS);
  }

  async #alarms(link: Link, from_ms: number, to_ms: number): Promise<readonly AlarmMark[]> {
    const devices = this.devices.slice(0, MOST_DEVICES);
    const pages = await Promise.all(
      devices.map((device) =>
        link.call(ALARM_JOURNAL, { device, from_ms, to_ms: to_ms + 1, limit: MOST_ALARMS }),
      ),
    );
    return alarmMarks(pages.flatMap(({ entries }) => entries));
  }

  async #phases(link: Link, from_ms: number, to_ms: number): Promise<readonly PhaseBand[]> {
    const runs = await this.#runs(link, from_ms, to_ms);
    const shown = [...new Set(runs.map(({ device }) => device))].slice(0, MOST_WITH_PHASES);
    const bands = await Promise.all(
      runs.filter(({ device }) => shown.includes(device)).map((run) => this.#bands(link, run)),
    );
    return bands
      .flat()
      .filter((band) => band.fromMs < to_ms && (band.toMs ?? to_ms) > from_ms)
      .sort((one, other) => one.fromMs - other.fromMs);
  }

  /** Of a few devices each one's runs; of many the newest of the project that are theirs. */
  async #runs(link: Link, from_ms: number, to_ms: number): Promise<readonly RunRecord[]> {
    const isFew = this.devices.length <= MOST_WITH_PHASES;
    const span = { from_ms, to_ms: to_ms + 1 };
    const pages = await Promise.all(
      isFew
        ? this.devices.map((device) => link.call(RUNS, { ...span, device, limit: MOST_RUNS }))
        : [link.call(RUNS, { ...span, limit: MOST_OF_ALL })],
    );
    return pages
      .flatMap(({ runs }) => runs)
      .filter(({ device }) => this.devices.includes(device))
      .slice(0, MOST_RUNS * MOST_WITH_PHASES);
  }

  async #bands(link: Link, run: RunRecord): Promise<readonly PhaseBand[]> {
    const [events, workflow] = await Promise.all([
      this.#eventsOf(link, run),
      this.#workflowOf(link, run.flow, run.version),
    ]);
    return phaseBands(run.device, run.run, events, workflow);
  }

  async #eventsOf(link: Link, run: RunRecord): Promise<readonly WorkflowEvent[]> {
    const key = `${run.device}/${run.run}`;
    const known = this.#events.get(key);
    if (known?.isOver || known?.events.length === run.events) return known.events;
    const events = [...(known?.events ?? [])];
    while (events.length < Math.min(run.events, MOST_EVENTS)) {
      const found = await link.call(RUN_EVENTS, {
        ...{ device: run.device, run: run.run },
        first: (events.at(-1)?.number ?? -1) + 1,
        limit: EVENTS_PER_CALL,
      });
      if (found.events.length === 0) break;
      events.push(...found.events);
    }
    const isOver = run.ended_at_ms !== null || run.overtaken;
    this.#events.set(key, { events, isOver });
    return events;
  }

  #workflowOf(link: Link, flow: string, version: number): Promise<Workflow> {
    const key = `${flow}@${version}`;
    const known = this.#workflows.get(key);
    if (known) return known;
    const asked = link
      .call(GET_FLOW, { flow, version })
      .then(({ definition }) => parseWorkflow(definition))
      .catch(() => parseWorkflow({ elements: [] })); // a flow that was made on a device
    this.#workflows.set(key, asked);
    return asked;
  }
}
