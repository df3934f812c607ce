/** Which scale each series is drawn on: one for each unit, the first two with an axis. Pure. */

export type Side = "left" | "right";

export interface Scale {
  readonly key: string; // of uPlot
  readonly unit: string;
  readonly side: Side | null; // null: no axis; the legend says so
}

/** The scales by unit, in the order in which units come first. */
export function scalesOf(units: readonly string[]): readonly Scale[] {
  return [...new Set(units)].map((unit, place) => ({
    key: `y${place}`,
    unit,
    side: place === 0 ? "left" : place === 1 ? "right" : null,
  }));
}

export function scaleOf(scales: readonly Scale[], unit: string): Scale {
  const found = scales.find((scale) => scale.unit === unit) ?? scales[0];
  return found ?? { key: "y0", unit, side: "left" };
}

const COLOURS = 8;
const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [9, 3, 2, 3]];

export interface Look {
  readonly colour: string; // a token
  readonly dash: readonly number[];
}

/** Colour and dash: 32 pairs before one comes again; a series alone is as calm as text. */
export function lookOf(place: number, count: number): Look {
  if (count === 1) return { colour: "--ink", dash: [] };
  const dash = DASHES[(place + Math.floor(place / COLOURS)) % DASHES.length] ?? [];
  return { colour: `--series-${(place % COLOURS) + 1}`, dash };
}

/** A scale's ends: as given, else around the data, never blowing noise up to mountains. */
export function rangeOf(
  dataLow: number | null,
  dataHigh: number | null,
  low: number | null,
  high: number | null,
): readonly [number, number] {
  const [found, top] = dataLow === null || dataHigh === null ? [0, 1] : [dataLow, dataHigh];
  const middle = (found + top) / 2;
  const half = Math.max((top - found) * 0.56, Math.abs(middle) * 0.01, 0.05);
  const [from, to] = [low ?? middle - half, high ?? middle + half];
  return from < to ? [from, to] : [from, from + 2 * half]; // all data lie outside
}
