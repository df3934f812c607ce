/** One value's live course, with its setpoint as a dashed step line. */

import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import type { ChartPlan } from "../../telemetry/arrange";
import type { LiveValues, Reading } from "../../telemetry/live";
import { t } from "../../texts";
import { timeText, valueText } from "../../ui/format";
import { duration } from "../../workflow/words";

interface Props {
  readonly plan: ChartPlan;
  readonly values: LiveValues;
  readonly value: Reading | undefined;
  readonly setpoint: Reading | undefined;
  readonly isStale: boolean;
}

const words = t.device.values;
const HEIGHT = 132;
const REDRAW_MS = 250;

export function Chart({ plan, values, value, setpoint, isStale }: Props) {
  const canvas = useRef<HTMLDivElement>(null);
  const [hovered, setHovered] = useState<string | null>(null);
  const isLive = useRef(!isStale);
  isLive.current = !isStale;

  useEffect(() => {
    const place = canvas.current;
    if (!place) return;
    const plot = makePlot(place, plan, values, setHovered);
    const draw = () => {
      if (!document.hidden && isLive.current) plot.setData(dataOf(plan, values));
    };
    plot.setData(dataOf(plan, values));
    const timer = setInterval(draw, REDRAW_MS);
    const stop = values.watch(() => plot.setData(dataOf(plan, values)));
    const observer = new ResizeObserver(() =>
      plot.setSize({ width: place.clientWidth, height: HEIGHT }),
    );
    observer.observe(place);
    return () => {
      clearInterval(timer);
      stop();
      observer.disconnect();
      plot.destroy();
    };
  }, [plan, values]);

  const { tag, unit, type } = plan.value;
  const quality = value?.quality ? words.quality[value.quality] : null;
  const text = `${valueText(value?.value, type)}${unit ? ` ${unit}` : ""}`;
  const span = duration(values.windowMs());
  return (
    <figure data-testid="chart" data-tag={tag}>
      <figcaption>
        <span className="tag">{tag}</span>
        <span className="value" data-testid="value">
          {hovered ?? text}
        </span>
        {plan.setpoint && !hovered && (
          <span className="setpoint">→ {valueText(setpoint?.value, plan.setpoint.type)}</span>
        )}
        {quality && <span className="mark off">{quality}</span>}
      </figcaption>
      <div ref={canvas} role="img" aria-label={words.chart(tag, span, text)} />
    </figure>
  );
}

function dataOf(plan: ChartPlan, values: LiveValues): uPlot.AlignedData {
  const value = values.columns(plan.value.tag);
  return plan.setpoint ? uPlot.join([value, values.columns(plan.setpoint.tag)]) : value;
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** At least two percent of the value: noise is not blown up to a mountain range. */
function heightRange(_plot: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1];
  const middle = (low + high) / 2;
  const half = Math.max((high - low) * 0.6, Math.abs(middle) * 0.01, 0.05);
  return [middle - half, middle + half];
}

function makePlot(
  place: HTMLElement,
  plan: ChartPlan,
  values: LiveValues,
  onHover: (text: string | null) => void,
): uPlot {
  const axis: uPlot.Axis = {
    stroke: token("--quiet"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: token("--grid"), width: 1 },
    ticks: { show: false },
  };
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const setpoint: uPlot.Series = { stroke: token("--setpoint"), width: 1.5, dash: [5, 4] };
  const plain = { width: 1.6, points: { show: false } };
  const series: uPlot.Series[] = [{}, { ...plain, stroke: token("--ink") }];
  if (plan.setpoint) {
    series.push({ ...plain, ...setpoint, ...(stepped ? { paths: stepped } : {}) });
  }
  const options: uPlot.Options = {
    width: Math.max(place.clientWidth, 50),
    height: HEIGHT,
    padding: [6, 26, 0, 0],
    legend: { show: false },
    cursor: { y: false, sync: { key: "values" }, drag: { x: false, y: false } },
    scales: {
      x: {
        range: () => [values.fromMs() / 1000, values.nowMs() / 1000],
      },
      y: { range: heightRange },
    },
    axes: [
      { ...axis, size: 22, space: 70, values: (_plot, at) => at.map((s) => timeText(s * 1000)) },
      { ...axis, size: 46, space: 28 },
    ],
    series,
    hooks: { setCursor: [(plot) => onHover(hoverText(plot, plan))] },
  };
  return new uPlot(options, [[], [], ...(plan.setpoint ? [[]] : [])], place);
}

/** The value under the pointer, with its time. */
function hoverText(plot: uPlot, plan: ChartPlan): string | null {
  const place = plot.cursor.idx;
  if (place === null || place === undefined || (plot.cursor.left ?? -1) < 0) return null;
  const [at, value] = [plot.data[0][place], plot.data[1]?.[place]];
  if (at === undefined || value === null || value === undefined) return null;
  const unit = plan.value.unit ? ` ${plan.value.unit}` : "";
  return words.at(`${valueText(value, plan.value.type)}${unit}`, timeText(at * 1000));
}
