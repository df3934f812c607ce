/**
 * One series' course: what was stored, in samples or buckets, and what comes live. Pure.
 *
 * A bad sample breaks the line; an uncertain one stands beside it (`doubtful`). Devices tell
 * what moved, so between two samples far apart the value was steady: the line runs level.
 */

import type { Series } from "../contract";

export type Value = number | null;

export interface Columns {
  readonly at: readonly number[]; // seconds, as uPlot has them
  readonly value: readonly (Value | undefined)[];
  readonly doubtful: readonly (Value | undefined)[];
  readonly low: readonly (Value | undefined)[];
  readonly high: readonly (Value | undefined)[];
}

interface Point {
  atMs: number;
  value: Value;
  low: Value;
  high: Value;
  quality: number;
  count: number; // of samples in a bucket that is still filling
}

const BAD = 2;
const UNCERTAIN = 1;
const HOLD_MS = 2_500; // of raw samples: the longest pause on a slope

export class Line {
  #points: Point[] = [];
  unit: string | null = null;

  get length(): number {
    return this.#points.length;
  }

  get lastAtMs(): number {
    return this.#points.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
  }

  /** The newest value, wherever it came from. */
  get last(): { readonly atMs: number; readonly value: Value; readonly quality: number } | null {
    return this.#points.at(-1) ?? null;
  }

  /** Puts what is stored of a stretch in place; what is later and came live stays. */
  load(series: readonly Series[], place: "all" | "before" | "after"): void {
    const unit = series.at(-1)?.unit ?? this.unit;
    this.unit = unit;
    const found = series.filter((one) => one.unit === unit).flatMap(pointsOf);
    found.sort((one, other) => one.atMs - other.atMs);
    const [first, last] = [found[0]?.atMs, found.at(-1)?.atMs];
    if (place === "before") {
      const until = last ?? Number.NEGATIVE_INFINITY;
      this.#points = [...found, ...this.#points.filter(({ atMs }) => atMs > until)];
    } else if (place === "after") {
      const from = first ?? Number.POSITIVE_INFINITY;
      const until = last ?? Number.NEGATIVE_INFINITY;
      const [before, after] = [this.#points, this.#points];
      this.#points = [
        ...before.filter(({ atMs }) => atMs < from),
        ...found,
        ...after.filter(({ atMs }) => atMs > until && atMs >= from),
      ];
    } else {
      const until = last ?? Number.NEGATIVE_INFINITY;
      this.#points = [...found, ...this.#points.filter(({ atMs }) => atMs > until)];
    }
  }

  /** Adds what came live; within one bucket it is taken together. */
  push(atMs: number, value: Value, quality: number, bucketMs: number | null): void {
    const before = this.#points.at(-1);
    if (before && atMs < before.atMs) return;
    const at = bucketMs === null ? atMs : Math.floor(atMs / bucketMs) * bucketMs;
    const isBad = quality >= BAD || value === null;
    if (before && bucketMs !== null && before.atMs === at && before.value !== null) {
      if (isBad) return; // bad samples do not count
      const count = before.count + 1;
      before.value += (value - before.value) / count;
      before.low = Math.min(before.low ?? value, value);
      before.high = Math.max(before.high ?? value, value);
      before.count = count;
      before.quality = Math.max(before.quality, quality);
      return;
    }
    const drawn = isBad ? null : value;
    if (before && before.atMs === at) this.#points.pop();
    this.#points.push({ atMs: at, value: drawn, low: drawn, high: drawn, quality, count: 1 });
  }

  /** Forgets what is older, but for the one value that still held then. */
  trim(fromMs: number): void {
    const first = this.#points.findIndex(({ atMs }) => atMs >= fromMs);
    const extra = (first === -1 ? this.#points.length : first) - 1;
    if (extra > 0) this.#points.splice(0, extra);
  }

  clear(): void {
    this.#points = [];
  }

  /** Columns to draw; the last value holds until `untilMs`, if that is given. */
  columns(untilMs: number | null, bucketMs: number | null): Columns {
    const at: number[] = [];
    const value: (Value | undefined)[] = [];
    const doubtful: (Value | undefined)[] = [];
    const low: (Value | undefined)[] = [];
    const high: (Value | undefined)[] = [];
    const hold = bucketMs === null ? HOLD_MS : 2.5 * bucketMs;
    const put = (ms: number, point: Point, isDoubtful: boolean) => {
      at.push(ms / 1000);
      value.push(isDoubtful ? null : point.value);
      doubtful.push(isDoubtful ? point.value : null);
      low.push(bucketMs === null ? null : point.low);
      high.push(bucketMs === null ? null : point.high);
    };
    let before: Point | undefined;
    for (const point of this.#points) {
      if (before && point.atMs - before.atMs > hold) {
        put(point.atMs - 1, { ...before, low: null, high: null }, before.quality === UNCERTAIN);
      }
      put(point.atMs, point, point.quality === UNCERTAIN);
      const place = value.length - 1;
      // The dashed stretch begins where the good one ends, and the other way round.
      if (before && point.quality === UNCERTAIN && before.quality < UNCERTAIN) {
        if (place > 0) doubtful[place - 1] = value[place - 1] ?? null;
      } else if (before?.quality === UNCERTAIN && point.quality < UNCERTAIN) {
        doubtful[place] = point.value;
      }
      before = point;
    }
    if (before && untilMs !== null && untilMs > before.atMs) {
      put(untilMs, { ...before, low: null, high: null }, before.quality === UNCERTAIN);
    }
    return { at, value, doubtful, low, high };
  }

  /** Rows for a file: what is shown between two moments. */
  rows(fromMs: number, toMs: number): readonly Readonly<Point>[] {
    return this.#points.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  }
}

function pointsOf(series: Series): Point[] {
  return series.at_ms.map((atMs, place) => {
    const quality = series.quality[place] ?? 0;
    const value = quality >= BAD ? null : (series.mean[place] ?? null);
    return {
      atMs,
      value,
      low: series.low[place] ?? null,
      high: series.high[place] ?? null,
      quality,
      count: series.count[place] ?? 1,
    };
  });
}
