/**
 * Which tags are drawn and which are listed. Pure.
 *
 * A measured value is drawn, together with its setpoint if it has one; what is only
 * written, and texts, are listed. Where nothing is measured, everything drawable is drawn.
 */

import type { Tag } from "../contract";

export interface ChartPlan {
  readonly value: Tag;
  readonly setpoint: Tag | null;
}

export interface Arrangement {
  readonly charts: readonly ChartPlan[];
  readonly listed: readonly Tag[];
}

const SETPOINT = /[._]?(setpoint|set_point|target|sp)$/;

export function arrange(tags: readonly Tag[]): Arrangement {
  const drawable = tags.filter(({ type }) => type !== "text");
  const measured = drawable.filter(({ writable }) => !writable);
  const drawn = measured.length > 0 ? measured : drawable;
  const charts = drawn.map((value) => ({
    value,
    setpoint: tags.find((one) => one.writable && isSetpointOf(one, value)) ?? null,
  }));
  const shown = new Set(charts.flatMap(({ value, setpoint }) => [value, setpoint]));
  return { charts, listed: tags.filter((tag) => !shown.has(tag)) };
}

function isSetpointOf(one: Tag, value: Tag): boolean {
  return one !== value && one.unit === value.unit && one.tag.replace(SETPOINT, "") === value.tag;
}
