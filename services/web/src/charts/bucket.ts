/** How finely the server is asked, by the width there is to draw on. Pure. */

import { DAY_MS, HOUR_MS, MINUTE_MS } from "./span";

/** Whole minutes and hours from a minute on: what roll-ups can answer. */
const NICE_MS = [
  250,
  500,
  1_000,
  2_000,
  5_000,
  10_000,
  20_000,
  30_000,
  MINUTE_MS,
  2 * MINUTE_MS,
  5 * MINUTE_MS,
  10 * MINUTE_MS,
  15 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  2 * HOUR_MS,
  3 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
  DAY_MS,
  2 * DAY_MS,
  7 * DAY_MS,
  14 * DAY_MS,
  28 * DAY_MS,
] as const;

const PX_PER_BUCKET = 2;
const RAW_BELOW_MS = 5 * MINUTE_MS;
const ROWS_PER_CALL = 6_000; // as JSON far below the router's message size

/** The bucket for so much time on so many pixels: at most one for two of them. */
export function bucketFor(lengthMs: number, widthPx: number): number {
  const finest = lengthMs / Math.max(widthPx / PX_PER_BUCKET, 50);
  return NICE_MS.find((ms) => ms >= finest) ?? (NICE_MS.at(-1) as number);
}

/** Whether every sample is asked for: they tell their quality, buckets do not. */
export function isRaw(lengthMs: number): boolean {
  return lengthMs <= RAW_BELOW_MS;
}

/** `tags` in groups, each of which is one question of `rows` rows a tag. */
export function grouped<Tag>(tags: readonly Tag[], rows: number): readonly (readonly Tag[])[] {
  const size = Math.max(1, Math.floor(ROWS_PER_CALL / Math.max(rows, 1)));
  const groups: Tag[][] = [];
  for (let first = 0; first < tags.length; first += size) {
    groups.push(tags.slice(first, first + size));
  }
  return groups;
}

/** How long a drawn picture may stand while time goes on: a pixel's worth. */
export function redrawEveryMs(lengthMs: number, widthPx: number): number {
  return Math.min(Math.max(lengthMs / Math.max(widthPx, 1), 100), 1_000);
}
