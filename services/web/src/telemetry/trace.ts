/** One tag's recent course: a pair of columns, in order of time, bounded. */

import type { Series } from "../contract";

export type Value = number | null; // null: not known, the line breaks

export class Trace {
  readonly #at: number[] = []; // unix ms
  readonly #values: Value[] = [];

  get length(): number {
    return this.#at.length;
  }

  get lastAtMs(): number {
    return this.#at.at(-1) ?? Number.NEGATIVE_INFINITY;
  }

  /** Adds a live value; one that comes late is dropped, close ones replace each other. */
  push(atMs: number, value: Value, spacingMs = 0): void {
    if (atMs < this.lastAtMs) return;
    const before = this.#at.at(-2);
    if (before !== undefined && this.lastAtMs - before < spacingMs) {
      this.#at.pop();
      this.#values.pop();
    }
    this.#at.push(atMs);
    this.#values.push(value);
  }

  /** Puts history before what came live since. */
  prepend(history: Series): void {
    const until = history.at_ms.at(-1) ?? Number.NEGATIVE_INFINITY;
    const live = this.#at.findIndex((at) => at > until);
    const kept = live === -1 ? this.#at.length : live;
    this.#at.splice(0, kept, ...history.at_ms);
    this.#values.splice(0, kept, ...history.mean);
  }

  /** Forgets what is older, but for the one value that still held then. */
  trim(fromMs: number): void {
    const first = this.#at.findIndex((at) => at >= fromMs);
    const extra = (first === -1 ? this.#at.length : first) - 1;
    if (extra > 0) {
      this.#at.splice(0, extra);
      this.#values.splice(0, extra);
    }
  }

  /** When it begins, unix ms. */
  get firstAtMs(): number {
    return this.#at[0] ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Columns to draw, in seconds; the last value holds until `untilMs`.
   *
   * Devices tell what moved: over a gap longer than `holdMs` the value was steady, so the
   * line runs level until just before the next one.
   */
  columns(untilMs: number, holdMs = Number.POSITIVE_INFINITY): [number[], Value[]] {
    const at: number[] = [];
    const values: Value[] = [];
    this.#at.forEach((ms, place) => {
      const before = this.#at[place - 1];
      if (before !== undefined && ms - before > holdMs) {
        at.push((ms - 1) / 1000);
        values.push(this.#values[place - 1] ?? null);
      }
      at.push(ms / 1000);
      values.push(this.#values[place] ?? null);
    });
    if (values.length > 0 && untilMs > this.lastAtMs) {
      at.push(untilMs / 1000);
      values.push(values.at(-1) ?? null);
    }
    return [at, values];
  }
}
