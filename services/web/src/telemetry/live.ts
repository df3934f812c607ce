/**
 * The live values of one device, with the recent past: what the charts draw.
 *
 * Values arrive up to ten times a second, so they stay outside React: charts read them
 * when they draw, texts watch at a calmer pace.
 */

import { HISTORY, LATEST, type Tag, TELEMETRY, type Telemetry } from "../contract";
import type { Link } from "../wamp/link";
import { newestValues } from "./columns";
import { Trace, type Value } from "./trace";

export const WINDOWS_MS = [2 * 60_000, 10 * 60_000, 30 * 60_000] as const;

export interface Reading {
  readonly value: number | boolean | string | null;
  readonly quality: number;
  readonly atMs: number;
}

const POINTS = 400; // per chart and window
const TAGS_PER_CALL = 8; // keeps answers far below the router's message size
const HOLD_MS = 2_500; // the longest pause between two values on a slope
const TOLD_EVERY_MS = 250;

export class LiveValues {
  readonly #traces = new Map<string, Trace>();
  #readings: ReadonlyMap<string, Reading> = new Map();
  #windowMs: number = WINDOWS_MS[1];
  #aheadMs = Number.NEGATIVE_INFINITY; // of the device's clock to ours
  #told: ReturnType<typeof setTimeout> | null = null;
  readonly #watchers = new Set<() => void>();

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly readings = (): ReadonlyMap<string, Reading> => this.#readings;

  readonly windowMs = (): number => this.#windowMs;

  /** The device's time now, as far as its messages tell. */
  nowMs(): number {
    return Date.now() + (Number.isFinite(this.#aheadMs) ? this.#aheadMs : 0);
  }

  /** Where the charts begin: the window's start, or the first value while that is young. */
  fromMs(): number {
    const [now, window] = [this.nowMs(), this.#windowMs];
    const first = Math.min(...[...this.#traces.values()].map(({ firstAtMs }) => firstAtMs));
    return Math.min(Math.max(now - window, first), now - Math.min(window, WINDOWS_MS[0]));
  }

  /** A tag's columns as charts draw them. */
  columns(tag: string): [number[], Value[]] {
    return this.trace(tag).columns(this.nowMs(), Math.max(HOLD_MS, (3 * this.#windowMs) / POINTS));
  }

  trace(tag: string): Trace {
    const known = this.#traces.get(tag);
    if (known) return known;
    const made = new Trace();
    this.#traces.set(tag, made);
    return made;
  }

  /** Shows another stretch of time; `load` fetches what is missing for it. */
  show(windowMs: number): void {
    this.#windowMs = windowMs;
    this.#tell();
  }

  hear(link: Link, device: string): Promise<() => void> {
    return link.hear(TELEMETRY, (telemetry) => this.#take(telemetry), { device });
  }

  /** Newest values and the window's history. Throws as `Link.call` does. */
  async load(link: Link, device: string, tags: readonly Tag[]): Promise<void> {
    const latest = await link.call(LATEST, { device }, {});
    const readings = new Map(this.#readings);
    for (const { tag, value, quality, atMs } of newestValues(latest.values)) {
      if ((readings.get(tag)?.atMs ?? 0) < atMs) readings.set(tag, { value, quality, atMs });
      const trace = this.trace(tag);
      if (trace.length === 0) trace.push(atMs, drawn(value, quality));
    }
    this.#readings = readings;
    this.#tell();
    await this.#loadHistory(link, device, tags);
    this.#tell();
  }

  async #loadHistory(link: Link, device: string, tags: readonly Tag[]): Promise<void> {
    const names = tags
      .filter(({ type }) => type !== "text" && type !== "json")
      .map(({ tag }) => tag);
    if (names.length === 0) return;
    const to_ms = Math.round(this.nowMs()) + 1;
    const bucket_ms = Math.max(250, Math.round(this.#windowMs / POINTS));
    const from_ms = to_ms - this.#windowMs;
    for (let first = 0; first < names.length; first += TAGS_PER_CALL) {
      const some = names.slice(first, first + TAGS_PER_CALL);
      const limit = some.length * (POINTS + 2);
      const query = { device, tags: some, from_ms, to_ms, bucket_ms, limit };
      const { series } = await link.call(HISTORY, query);
      for (const one of series) if (one.at_ms.length > 0) this.trace(one.tag).prepend(one);
    }
  }

  #take(telemetry: Telemetry): void {
    this.#aheadMs = Math.max(this.#aheadMs, telemetry.at_ms - Date.now());
    const readings = new Map(this.#readings);
    telemetry.tags.forEach((tag, place) => {
      const value = telemetry.values[place] ?? null;
      const quality = telemetry.quality[place] ?? 0;
      readings.set(tag, { value, quality, atMs: telemetry.at_ms });
      const trace = this.trace(tag);
      trace.push(telemetry.at_ms, drawn(value, quality), this.#windowMs / (POINTS * 2));
      trace.trim(telemetry.at_ms - this.#windowMs);
    });
    this.#readings = readings;
    this.#tell();
  }

  #tell(): void {
    this.#told ??= setTimeout(() => {
      this.#told = null;
      for (const watcher of this.#watchers) watcher();
    }, TOLD_EVERY_MS);
  }
}

const BAD = 2;

function drawn(value: Reading["value"], quality: number): Value {
  if (quality >= BAD || typeof value === "string" || value === null) return null;
  return Number(value);
}
