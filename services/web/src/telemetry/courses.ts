/**
 * The courses of several tags over a span of time: asked of fleetdata at the pitch of the
 * picture, older pages as they come into view, and live at the end.
 */

import { bucketFor, grouped, isRaw } from "../charts/bucket";
import type { CsvRow } from "../charts/csv";
import { type Columns, Line } from "../charts/line";
import { keyOf, type Pick } from "../charts/picks";
import { boundsOf, lengthOf, type Span } from "../charts/span";
import { ERRORS, Fill, HISTORY, type Series } from "../contract";
import { FleetError, sentenceOf } from "../wamp/errors";
import type { Link } from "../wamp/link";
import { type Hub, hubOf } from "./hub";

export interface CoursesView {
  readonly problem: string | null;
  readonly isAsking: boolean;
  readonly units: readonly string[]; // of each pick, "" until known
  readonly bucketMs: number | null; // null: every sample
  readonly isEmpty: boolean; // nothing is stored of this time
}

interface Loaded {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bucketMs: number | null;
}

const MARGIN = 0.5; // of the span, asked for beside it: moving a little shows at once
const RAW_ROWS = 9_000; // of one question
const SETTLE_MS = 120; // while somebody drags
const RETRY_MS = 4_000;

export class Courses {
  readonly #lines: readonly Line[];
  readonly #watchers = new Set<() => void>();
  readonly #movers = new Set<() => void>();
  #view: CoursesView;
  #hub: Hub | null = null;
  #span: Span;
  #widthPx = 0;
  #loaded: Loaded | null = null;
  #floor = { ms: 0, untilMs: 0 }; // what is older is only kept in such cells
  #rawBelowMs = Number.POSITIVE_INFINITY; // longer spans have too many samples
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    readonly picks: readonly Pick[],
    span: Span,
  ) {
    this.#lines = picks.map(() => new Line());
    this.#span = span;
    this.#view = {
      problem: null,
      isAsking: false,
      units: picks.map(() => ""),
      bucketMs: null,
      isEmpty: false,
    };
  }

  /** Tells when the view is another: a problem, a unit, the pitch. */
  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** Tells when there is something new to draw. */
  readonly moves = (mover: () => void): (() => void) => {
    this.#movers.add(mover);
    return () => this.#movers.delete(mover);
  };

  readonly view = (): CoursesView => this.#view;

  get devices(): readonly string[] {
    return [...new Set(this.picks.map(({ device }) => device))];
  }

  nowMs(): number {
    return this.#hub?.nowMs(this.devices) ?? Date.now();
  }

  bounds(): readonly [number, number] {
    return boundsOf(this.#span, this.nowMs());
  }

  get span(): Span {
    return this.#span;
  }

  /** Follows over a link, and asks anew what may have been missed. */
  attach(link: Link): () => void {
    const hub = hubOf(link);
    this.#hub = hub;
    const ends = this.devices.map((device) =>
      hub.follow(device, (_device, moved) => this.#take(device, moved)),
    );
    this.#loaded = null;
    this.#soon(0);
    return () => {
      for (const end of ends) end();
      if (this.#hub === hub) this.#hub = null;
      this.#asked += 1;
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
    };
  }

  /** Shows another span, or the same on another width. */
  show(span: Span, widthPx: number): void {
    if (span === this.#span && widthPx === this.#widthPx) return;
    const isFirst = this.#widthPx === 0;
    const wasLive = this.#span.kind === "live";
    this.#span = span;
    this.#widthPx = widthPx;
    // What came while another stretch was shown was not kept.
    if (span.kind === "live" && !wasLive) this.#loaded = null;
    this.#soon(isFirst ? 0 : SETTLE_MS);
    this.#move();
  }

  /** Columns of each pick; the last value holds until now where the device is there. */
  columns(isThere: (device: string) => boolean): readonly Columns[] {
    const until = this.#span.kind === "live" ? this.nowMs() : null;
    const { bucketMs } = this.#view;
    return this.#lines.map((line, place) => {
      const device = this.picks[place]?.device ?? "";
      return line.columns(isThere(device) ? until : null, bucketMs);
    });
  }

  /** Until all that is shown is there; while the link is away, until it is back. */
  async settled(): Promise<void> {
    if (!this.#view.isAsking) return;
    await new Promise<void>((resolve) => {
      const stop = this.watch(() => {
        if (this.#view.isAsking) return;
        stop();
        resolve();
      });
    });
  }

  /** What is shown, as rows for a file. */
  rows(): readonly CsvRow[] {
    const [from, to] = this.bounds();
    return this.#lines.flatMap((line, place) => {
      const { device, tag } = this.picks[place] as Pick;
      const unit = line.unit ?? "";
      return line.rows(from, to).map(({ atMs, value, low, high, quality }) => ({
        ...{ device, tag, unit, atMs, value, quality },
        low: this.#view.bucketMs === null ? null : low,
        high: this.#view.bucketMs === null ? null : high,
      }));
    });
  }

  #take(device: string, moved: readonly string[]): void {
    const feed = this.#hub?.feed(device);
    if (!feed) return;
    this.picks.forEach((pick, place) => {
      if (pick.device !== device || !moved.includes(pick.tag)) return;
      const reading = feed.readings.get(pick.tag);
      const line = this.#lines[place];
      if (!reading || !line) return;
      if (line.unit === null && reading.unit) line.unit = reading.unit;
      if (this.#span.kind !== "live" || this.#loaded === null) return;
      const { value, quality, atMs } = reading;
      if (typeof value === "string" || atMs <= line.lastAtMs) return;
      line.push(atMs, value === null ? null : Number(value), quality, this.#view.bucketMs);
    });
    this.#learnUnits();
    if (this.#view.isEmpty && !this.#isEmpty()) this.#tell({ isEmpty: false });
    this.#trim();
    if (this.#span.kind === "live") this.#move();
  }

  /** Of what follows, only what may be seen again is kept. */
  #trim(): void {
    if (this.#span.kind !== "live" || !this.#loaded) return;
    const from = this.nowMs() - lengthOf(this.#span) * (1 + MARGIN);
    if (from - this.#loaded.fromMs < lengthOf(this.#span) * MARGIN) return;
    for (const line of this.#lines) line.trim(from);
    this.#loaded = { ...this.#loaded, fromMs: from };
  }

  /** Whoever looks meanwhile is told that not all is there. */
  #soon(ms: number): void {
    this.#tell({ isAsking: this.picks.length > 0 });
    this.#later(ms);
  }

  #later(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#load();
    }, ms);
  }

  async #load(): Promise<void> {
    const hub = this.#hub;
    if (!hub || this.#widthPx === 0 || this.picks.length === 0) return;
    this.#asked += 1;
    const asked = this.#asked;
    const [from, to] = this.bounds();
    const length = to - from;
    const bucketMs = this.#bucket(from, length);
    const missing = this.#missing(from, to, bucketMs);
    if (!missing) return this.#tell({ isAsking: false });
    this.#tell({ isAsking: true });
    try {
      const found = await this.#ask(hub.link, missing.fromMs, missing.toMs, bucketMs);
      if (asked !== this.#asked) return;
      this.#put(found, missing, bucketMs);
      this.#tell({ isAsking: false, problem: null, bucketMs, isEmpty: this.#isEmpty() });
    } catch (error) {
      if (asked === this.#asked) this.#fail(error);
    }
  }

  #bucket(fromMs: number, lengthMs: number): number | null {
    const isOld = fromMs - lengthMs * MARGIN < this.#floor.untilMs;
    const floorMs = isOld ? this.#floor.ms : 0;
    if (isRaw(lengthMs) && lengthMs < this.#rawBelowMs && floorMs === 0) return null;
    return Math.max(bucketFor(lengthMs, this.#widthPx), floorMs);
  }

  /** What is to be asked for: the older part, the newer part, or all. */
  #missing(from: number, to: number, bucketMs: number | null) {
    const margin = (to - from) * MARGIN;
    const isLive = this.#span.kind === "live";
    const newest = isLive ? this.nowMs() : Math.min(to + margin, this.nowMs());
    const known = this.#loaded;
    if (!known || known.bucketMs !== bucketMs || from > known.toMs || to < known.fromMs) {
      return { fromMs: from - (isLive ? 0 : margin), toMs: newest, place: "all" as const };
    }
    if (from < known.fromMs) {
      return { fromMs: from - margin, toMs: known.fromMs, place: "before" as const };
    }
    if (!isLive && Math.min(to, this.nowMs()) > known.toMs) {
      return { fromMs: known.toMs, toMs: newest, place: "after" as const };
    }
    return null;
  }

  #put(
    found: readonly (readonly Series[])[],
    { fromMs, toMs, place }: { fromMs: number; toMs: number; place: "all" | "before" | "after" },
    bucketMs: number | null,
  ): void {
    const known = this.#loaded;
    this.#lines.forEach((line, index) => {
      const isOther = known?.bucketMs !== bucketMs || this.#span.kind !== "live";
      if (place === "all" && isOther) line.clear();
      line.load(found[index] ?? [], place);
    });
    const isAll = place === "all" || !known;
    this.#loaded = {
      fromMs: isAll ? fromMs : Math.min(fromMs, known.fromMs),
      toMs: isAll ? toMs : Math.max(toMs, known.toMs),
      bucketMs,
    };
    this.#learnUnits();
    this.#move();
  }

  #fail(error: unknown): void {
    const cell = error instanceof FleetError ? Number(error.details.cell_ms) : 0;
    if (error instanceof FleetError && error.uri === ERRORS.InvalidRequest && cell > 0) {
      this.#floor = { ms: cell, untilMs: Number(error.details.since_ms) };
      this.#later(0);
      return;
    }
    this.#tell({ isAsking: false, problem: sentenceOf(error) });
    this.#later(RETRY_MS);
  }

  /** The series of each pick. Throws as `Link.call` does. */
  async #ask(link: Link, from: number, to: number, bucketMs: number | null) {
    const span = { from: Math.floor(from), to: Math.ceil(to) + 1 };
    const questions = this.devices.map((device) => this.#askOne(link, device, span, bucketMs));
    const found = new Map<string, Series[]>();
    for (const { device, series } of (await Promise.all(questions)).flat()) {
      for (const one of series) {
        const key = keyOf({ device, tag: one.tag });
        found.set(key, [...(found.get(key) ?? []), one]);
      }
    }
    return this.picks.map((pick) => found.get(keyOf(pick)) ?? []);
  }

  async #askOne(
    link: Link,
    device: string,
    { from, to }: { readonly from: number; readonly to: number },
    bucketMs: number | null,
  ) {
    const tags = this.picks.filter((pick) => pick.device === device).map(({ tag }) => tag);
    if (bucketMs === null) return this.#askRaw(link, device, tags, from, to);
    const rows = Math.ceil((to - from) / bucketMs) + 2;
    return Promise.all(
      grouped(tags, rows).map((some) =>
        link.call(HISTORY, {
          ...{ device, tags: some, from_ms: from, to_ms: to, bucket_ms: bucketMs },
          limit: rows * some.length,
          fill: Fill.PREVIOUS,
        }),
      ),
    );
  }

  /** Every sample, and what held before the first; in buckets if there are too many. */
  async #askRaw(link: Link, device: string, tags: readonly string[], from: number, to: number) {
    const second = Math.floor(from / 1000) * 1000;
    const [held, samples] = await Promise.all([
      link.call(HISTORY, {
        ...{ device, tags, from_ms: second, to_ms: second + 1000, bucket_ms: 1000 },
        fill: Fill.PREVIOUS,
      }),
      link.call(HISTORY, { device, tags, from_ms: from, to_ms: to, limit: RAW_ROWS, page: "" }),
    ]);
    if (samples.next_page) {
      this.#rawBelowMs = lengthOf(this.#span);
      this.#later(0);
    }
    const before = held.series.map((one) => ({
      ...one,
      at_ms: one.at_ms.map((at) => Math.min(at, from)),
      count: [],
    }));
    return [{ device, series: before.filter(({ at_ms }) => at_ms.length > 0) }, samples];
  }

  #isEmpty(): boolean {
    const [from, to] = this.bounds();
    return this.#lines.every((line) => line.rows(from, to).every(({ value }) => value === null));
  }

  #learnUnits(): void {
    const units = this.#lines.map(({ unit }) => unit ?? "");
    if (units.join("\n") !== this.#view.units.join("\n")) this.#tell({ units });
  }

  #tell(change: Partial<CoursesView>): void {
    this.#view = { ...this.#view, ...change };
    for (const watcher of this.#watchers) watcher();
  }

  #move(): void {
    for (const mover of this.#movers) mover();
  }
}
