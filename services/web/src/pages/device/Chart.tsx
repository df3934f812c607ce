/** One value's live course, with its setpoint as a dashed step line. */

import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import type { ChartPlan } from "../../telemetry/arrange";
import type { LiveValues, Reading } from "../../telemetry/live";
import { axisLook, heightRange, valueSeries } from "../../telemetry/look";
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

function makePlot(
  place: HTMLElement,
  plan: ChartPlan,
  values: LiveValues,
  onHover: (text: string | null) => void,
): uPlot {
  const axis = axisLook();
  const series = [{}, ...valueSeries(false, plan.setpoint !== null)];
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
