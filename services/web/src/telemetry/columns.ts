/** Newest values out of the packed columns they travel in. Pure. */

import type { Packed, TagType, ValueColumns } from "../contract";

export interface NewestValue {
  readonly tag: string;
  readonly unit: string;
  readonly type: TagType;
  readonly atMs: number;
  readonly value: number | boolean | string | null;
  readonly quality: number;
}

const US_PER_MS = 1000;

/** The values in their order, each of its tag's type. */
export function newestValues(columns: ValueColumns): NewestValue[] {
  const [unit, type, at] = [view(columns.unit), view(columns.type), view(columns.at)];
  const [value, quality] = [view(columns.value), view(columns.quality)];
  return columns.tags.map((tag, row) => {
    const kind = columns.types[type.getUint8(row)] as TagType;
    return {
      tag,
      unit: columns.units[unit.getUint16(2 * row, true)] ?? "",
      type: kind,
      atMs: Math.floor(Number(at.getBigInt64(8 * row, true)) / US_PER_MS),
      value: typed(kind, value.getFloat64(8 * row, true), columns.texts),
      quality: quality.getUint8(row),
    };
  });
}

function typed(type: TagType, value: number, texts: readonly string[]): NewestValue["value"] {
  if (Number.isNaN(value)) return null;
  switch (type) {
    case "boolean":
      return value !== 0;
    case "text":
    case "json":
      return texts[value] ?? null;
    default:
      return value;
  }
}

/** The bytes: WAMP's JSON puts U+0000 before their base64. */
function view(packed: Packed): DataView {
  const bytes = Uint8Array.from(atob(packed.slice(1)), (char) => char.charCodeAt(0));
  return new DataView(bytes.buffer);
}
