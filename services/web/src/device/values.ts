/** A device's tags as rows: with their setpoints, searched, told apart. Pure. */

import type { Tag } from "../contract";
import { arrange } from "../telemetry/arrange";

export interface ValueRow {
  readonly tag: Tag;
  readonly setpoint: Tag | null; // what is wanted of it
  readonly measured: Tag | null; // what is measured of it, if it is a setpoint
}

export const VALUE_SHOWS = ["writable", "flawed"] as const;
export type ValueShow = (typeof VALUE_SHOWS)[number];

export function valueRows(tags: readonly Tag[]): readonly ValueRow[] {
  const pairs = arrange(tags).charts.filter(({ setpoint }) => setpoint !== null);
  const wanted = new Map(pairs.map(({ value, setpoint }) => [value, setpoint]));
  const measured = new Map(pairs.map(({ value, setpoint }) => [setpoint, value]));
  return tags.map((tag) => ({
    tag,
    setpoint: wanted.get(tag) ?? null,
    measured: measured.get(tag) ?? null,
  }));
}

/** Those that are searched for; `flawed` are the names of those whose quality is not good. */
export function fittingRows(
  rows: readonly ValueRow[],
  search: string,
  show: ValueShow | null,
  flawed: ReadonlySet<string>,
): readonly ValueRow[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(({ tag }) => {
    if (show === "writable" && !tag.writable) return false;
    if (show === "flawed" && !flawed.has(tag.tag)) return false;
    const text = `${tag.tag} ${tag.unit} ${tag.node ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
