/** How every plot of the page looks: colours from the tokens, quiet axes, calm scales. */

import uPlot from "uplot";

export const FONT = "11px system-ui, sans-serif";

/** A colour of tokens.css, as it is in the scheme of now. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function gridLook(): uPlot.Axis.Grid {
  return { stroke: token("--grid"), width: 1 };
}

export function axisLook(): uPlot.Axis {
  return { stroke: token("--quiet"), font: FONT, grid: gridLook(), ticks: { show: false } };
}

/** A value, and its setpoint as a dashed step line; in this order. */
export function valueSeries(isStepped: boolean, hasSetpoint: boolean): uPlot.Series[] {
  const paths = uPlot.paths.stepped?.({ align: 1 });
  const steps = paths ? { paths } : {};
  const plain = { width: 1.6, points: { show: false } };
  const value = { ...plain, stroke: token("--ink"), ...(isStepped ? steps : {}) };
  if (!hasSetpoint) return [value];
  return [value, { ...plain, stroke: token("--setpoint"), width: 1.5, dash: [5, 4], ...steps }];
}

/** At least two percent of the value: noise is not blown up to a mountain range. */
export function heightRange(
  _plot: uPlot,
  low: number | null,
  high: number | null,
): uPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1];
  const middle = (low + high) / 2;
  const half = Math.max((high - low) * 0.6, Math.abs(middle) * 0.01, 0.05);
  return [middle - half, middle + half];
}
