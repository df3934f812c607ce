/**
 * The courses of a device's values over a run: from history, and live while it goes on.
 *
 * What is asked for is one span of time for all; another span asks anew, as finely as it
 * needs. Live values are appended outside of React; charts read them when they draw.
 */

import { HISTORY, type Series, TELEMETRY, type Telemetry } from "../contract";
import { Trace, type Value } from "../telemetry/trace";
import type { Link } from "../wamp/link";

const POINTS = 500; // of a tag
const TAGS_PER_CALL = 8; // keeps answers far below the router's message size
const LEAST_BUCKET_MS = 100;
const HELD_MS = 2_500; // the longest pause between two values on a slope
const BAD = 2;

/** A tag has several series where its unit changed: they follow each other. */
function append(trace: Trace | undefined, { at_ms, mean }: Series): void {
  at_ms.forEach((ms, place) => {
    trace?.push(ms, mean[place] ?? null);
  });
}

export class Tracks {
  #traces = new Map<string, Trace>();
  #spanMs = 0;
  #asked = 0;
  #aheadMs = Number.NEGATIVE_INFINITY; // of the device's clock to ours
  readonly #watchers = new Set<() => void>();

  constructor(readonly device: string) {}

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** The device's time now, as far as its messages tell. */
  nowMs(): number {
    return Date.now() + (Number.isFinite(this.#aheadMs) ? this.#aheadMs : 0);
  }

  /** A tag's columns as charts draw them; the last value holds until then. */
  columns(tag: string, untilMs: number): [number[], Value[]] {
    const trace = this.#traces.get(tag);
    if (!trace) return [[], []];
    return trace.columns(untilMs, Math.max(HELD_MS, (3 * this.#spanMs) / POINTS));
  }

  /** Asks for the courses of some tags between two moments. Throws as `Link.call` does. */
  async load(link: Link, tags: readonly string[], fromMs: number, toMs: number): Promise<void> {
    this.#asked += 1;
    const mine = this.#asked;
    this.#spanMs = toMs - fromMs;
    const bucket_ms = Math.max(LEAST_BUCKET_MS, Math.round(this.#spanMs / POINTS));
    const from_ms = Math.floor(fromMs / bucket_ms) * bucket_ms;
    const to_ms = Math.ceil(toMs) + 1;
    const found = new Map<string, Trace>();
    for (let first = 0; first < tags.length; first += TAGS_PER_CALL) {
      const some = tags.slice(first, first + TAGS_PER_CALL);
      const limit = some.length * (POINTS + 10);
      const query = { device: this.device, tags: some, from_ms, bucket_ms, limit };
      const [{ series }, before] = await Promise.all([
        link.call(HISTORY, { ...query, to_ms }),
        // Devices tell what moves: what held when the span begins may be long told.
        link.call(HISTORY, { ...query, to_ms: from_ms + bucket_ms, fill: "previous" }),
      ]);
      if (mine !== this.#asked) return;
      for (const { tag } of series) found.set(tag, new Trace());
      for (const one of before.series) {
        const held = one.last[0] ?? one.mean[0] ?? null;
        if (one.at_ms[0] !== undefined) found.get(one.tag)?.push(one.at_ms[0], held);
      }
      for (const one of series) append(found.get(one.tag), one);
    }
    this.#traces = found;
    this.#tell();
  }

  /** Appends what the device tells from now on. */
  follow(link: Link): Promise<() => void> {
    return link.hear(TELEMETRY, (telemetry) => this.#take(telemetry), { device: this.device });
  }

  #take(telemetry: Telemetry): void {
    this.#aheadMs = Math.max(this.#aheadMs, telemetry.at_ms - Date.now());
    telemetry.tags.forEach((tag, place) => {
      const value = telemetry.values[place];
      const isGood = (telemetry.quality[place] ?? 0) < BAD;
      const drawn = isGood && value !== null && typeof value !== "string" ? Number(value) : null;
      this.#traces.get(tag)?.push(telemetry.at_ms, drawn, this.#spanMs / (POINTS * 2));
    });
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }
}
