/**
 * The newest values of devices, for whoever shows them: one subscription for each device,
 * however many panels and charts want it.
 *
 * A device's values come up to ten times a second and stay outside React: listeners are
 * told of each message as it comes, and draw when there is a frame to draw (`paint.ts`).
 */

import { LATEST, type TagType, TELEMETRY, type Telemetry } from "../contract";
import type { Link } from "../wamp/link";
import { newestValues } from "./columns";
import type { Reading } from "./live";

export interface KnownReading extends Reading {
  readonly unit: string;
  readonly type: TagType;
}

/** What is known of one device's tags now. */
export interface Feed {
  readonly readings: ReadonlyMap<string, KnownReading>;
  readonly aheadMs: number; // of its clock to ours; 0 until it was heard
}

type Listener = (device: string, moved: readonly string[]) => void;

interface Source {
  readonly readings: Map<string, KnownReading>;
  aheadMs: number;
  isHeard: boolean;
  readonly listeners: Set<Listener>;
  end: (() => void) | null;
  leaving: ReturnType<typeof setTimeout> | null;
}

const LINGER_MS = 3_000; // pages change; whoever comes next may want the same devices
const AT_ONCE = 6; // questions under way
const AGAIN_MS = 5_000;
const NOTHING: Feed = { readings: new Map(), aheadMs: 0 };

const hubs = new WeakMap<Link, Hub>();

export function hubOf(link: Link): Hub {
  const known = hubs.get(link);
  if (known) return known;
  const made = new Hub(link);
  hubs.set(link, made);
  return made;
}

export class Hub {
  readonly #sources = new Map<string, Source>();
  readonly #waiting: string[] = []; // devices whose newest values are to be asked for
  #asking = 0;

  constructor(readonly link: Link) {}

  feed(device: string): Feed {
    return this.#sources.get(device) ?? NOTHING;
  }

  /** The time now as these devices tell it: charts that follow end there. */
  nowMs(devices: Iterable<string>): number {
    let ahead = Number.NEGATIVE_INFINITY;
    for (const device of devices) {
      const source = this.#sources.get(device);
      if (source?.isHeard) ahead = Math.max(ahead, source.aheadMs);
    }
    return Date.now() + (Number.isFinite(ahead) ? ahead : 0);
  }

  /** Follows a device until the returned function is called. */
  follow(device: string, listener: Listener): () => void {
    const source = this.#sources.get(device) ?? this.#begin(device);
    if (source.leaving !== null) clearTimeout(source.leaving);
    source.leaving = null;
    source.listeners.add(listener);
    if (source.readings.size > 0) listener(device, [...source.readings.keys()]);
    return () => {
      source.listeners.delete(listener);
      if (source.listeners.size > 0 || source.leaving !== null) return;
      source.leaving = setTimeout(() => this.#leave(device, source), LINGER_MS);
    };
  }

  #begin(device: string): Source {
    const source: Source = {
      readings: new Map(),
      aheadMs: 0,
      isHeard: false,
      listeners: new Set(),
      end: null,
      leaving: null,
    };
    this.#sources.set(device, source);
    this.link
      .hear(TELEMETRY, (telemetry) => this.#take(device, source, telemetry), { device })
      .then(
        (unhear) => {
          if (this.#sources.get(device) === source) source.end = unhear;
          else unhear();
        },
        () => {}, // the link is lost: whoever shows it will follow over the next one
      );
    this.#ask(device);
    return source;
  }

  #leave(device: string, source: Source): void {
    this.#sources.delete(device);
    source.end?.();
  }

  #take(device: string, source: Source, telemetry: Telemetry): void {
    const ahead = telemetry.at_ms - Date.now();
    source.aheadMs = source.isHeard ? Math.max(source.aheadMs, ahead) : ahead;
    source.isHeard = true;
    telemetry.tags.forEach((tag, place) => {
      const known = source.readings.get(tag);
      source.readings.set(tag, {
        value: telemetry.values[place] ?? null,
        quality: telemetry.quality[place] ?? 0,
        atMs: telemetry.at_ms,
        unit: known?.unit ?? "",
        type: known?.type ?? typeOf(telemetry.values[place]),
      });
      if (!known) this.#ask(device); // a tag that is new: its unit is to be learnt
    });
    for (const listener of source.listeners) listener(device, telemetry.tags);
  }

  #ask(device: string): void {
    if (this.#waiting.includes(device)) return;
    this.#waiting.push(device);
    this.#next();
  }

  #next(): void {
    if (this.#asking >= AT_ONCE) return;
    const device = this.#waiting[0];
    if (device === undefined) return;
    this.#asking += 1;
    this.#waiting.shift();
    this.#load(device)
      .catch(() => {
        if (this.#sources.has(device)) setTimeout(() => this.#ask(device), AGAIN_MS);
      })
      .finally(() => {
        this.#asking -= 1;
        this.#next();
      });
  }

  async #load(device: string): Promise<void> {
    const source = this.#sources.get(device);
    if (!source) return;
    const { values } = await this.link.call(LATEST, { device });
    const moved: string[] = [];
    for (const { tag, unit, type, value, quality, atMs } of newestValues(values)) {
      const known = source.readings.get(tag);
      const isNewer = !known || known.atMs < atMs;
      const reading = isNewer ? { value, quality, atMs } : known;
      source.readings.set(tag, { ...reading, unit, type });
      moved.push(tag);
    }
    for (const listener of source.listeners) listener(device, moved);
  }
}

function typeOf(value: unknown): TagType {
  if (typeof value === "boolean") return "boolean";
  return typeof value === "string" ? "text" : "float";
}
