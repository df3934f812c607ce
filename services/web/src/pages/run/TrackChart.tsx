/** A value's course during the run, on the timeline's axis; its setpoint dashed. */

import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import type { Cursor } from "../../run/cursor";
import { ticks } from "../../run/timeline";
import type { Tracks } from "../../run/tracks";
import type { ChartPlan } from "../../telemetry/arrange";
import { axisLook, heightRange, token, valueSeries } from "../../telemetry/look";
import { t } from "../../texts";
import { timeText, valueText } from "../../ui/format";
import { AXIS_PX, RIGHT_PX } from "./Timeline";

/** What a chart draws, as of now. */
export interface Shown {
  readonly fromMs: () => number;
  readonly toMs: () => number;
  readonly untilMs: () => number; // what is known lasts until then
  readonly atMs: number | null; // the moment a replay shows
}

interface Props {
  readonly plan: ChartPlan;
  readonly tracks: Tracks;
  readonly shown: Shown;
  readonly isLive: boolean;
  readonly cursor: Cursor;
  readonly onSeek: (ms: number) => void;
  readonly onZoom: (fromMs: number, toMs: number) => void;
}

const [HEIGHT, REDRAW_MS, CLICK_PX, TICK_EVERY_PX] = [112, 500, 4, 90];

export function TrackChart({ plan, tracks, shown, isLive, cursor, onSeek, onZoom }: Props) {
  const canvas = useRef<HTMLDivElement>(null);
  const courses = useRef<Courses>({ value: [[], []], setpoint: null });
  const redraw = useRef<(() => void) | null>(null);
  const newest = useRef({ shown, onSeek, onZoom });
  newest.current = { shown, onSeek, onZoom };
  const [caption, setCaption] = useState("");

  useEffect(() => {
    const place = canvas.current;
    if (!place) return;
    const made = makePlot(place, plan, cursor, newest);
    const tell = () => {
      const { atMs } = newest.current.shown;
      setCaption(captionOf(courses.current, plan, cursor.ms() ?? atMs));
    };
    const draw = () => {
      courses.current = coursesOf(plan, tracks, newest.current.shown.untilMs());
      made.setData(dataOf(courses.current));
      tell();
    };
    const point = () => {
      const ms = cursor.ms();
      const left = ms === null ? -10 : made.valToPos(ms / 1000, "x");
      made.setCursor({ left, top: 0 }, false);
      tell();
    };
    redraw.current = draw;
    draw();
    const stops = [tracks.watch(draw), cursor.watch(point)];
    const timer = isLive ? setInterval(() => !document.hidden && draw(), REDRAW_MS) : null;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: place.clientWidth, height: HEIGHT }),
    );
    observer.observe(place);
    return () => {
      for (const stop of stops) stop();
      if (timer) clearInterval(timer);
      observer.disconnect();
      made.destroy();
      redraw.current = null;
    };
  }, [plan, tracks, cursor, isLive]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another span or moment is shown
  useEffect(() => redraw.current?.(), [shown]);

  const { tag } = plan.value;
  return (
    <figure data-testid="track" data-tag={tag}>
      <figcaption>
        <span className="tag">{tag}</span>
        <span className="value" data-testid="track-value">
          {caption || t.run.nothingStored}
        </span>
      </figcaption>
      <div ref={canvas} role="img" aria-label={t.run.chartOf(tag)} />
    </figure>
  );
}

type Columns = readonly [number[], (number | null)[]];

/** What is drawn, each tag by itself. */
interface Courses {
  readonly value: Columns;
  readonly setpoint: Columns | null;
}

function coursesOf({ value, setpoint }: ChartPlan, tracks: Tracks, untilMs: number): Courses {
  return {
    value: tracks.columns(value.tag, untilMs),
    setpoint: setpoint && tracks.columns(setpoint.tag, untilMs),
  };
}

function dataOf({ value, setpoint }: Courses): uPlot.AlignedData {
  return setpoint ? uPlot.join([[...value], [...setpoint]]) : [...value];
}

/** The values at a moment, or the newest; empty: nothing is known. */
function captionOf({ value, setpoint }: Courses, plan: ChartPlan, ms: number | null): string {
  const known = ([at, values]: Columns) =>
    values[ms === null ? at.length - 1 : lastUntil(at, ms / 1000)];
  const now = known(value);
  if (now === undefined) return "";
  const unit = plan.value.unit ? ` ${plan.value.unit}` : "";
  const text = `${valueText(now, plan.value.type)}${unit}`;
  const wanted = setpoint && known(setpoint);
  return plan.setpoint && typeof wanted === "number"
    ? `${text} → ${valueText(wanted, plan.setpoint.type)}`
    : text;
}

/** The place of the last number that is not greater; -1: there is none. */
function lastUntil(sorted: ArrayLike<number>, limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

interface Newest {
  readonly current: Pick<Props, "shown" | "onSeek" | "onZoom">;
}

function makePlot(place: HTMLElement, plan: ChartPlan, cursor: Cursor, newest: Newest): uPlot {
  const axis = axisLook();
  const isStepped = plan.value.type === "boolean" || plan.value.writable;
  const series = [{}, ...valueSeries(isStepped, plan.setpoint !== null)];
  const [line, dimmed] = [token("--focus"), token("--panel")];
  const options: uPlot.Options = {
    width: Math.max(place.clientWidth, 100),
    height: HEIGHT,
    padding: [6, RIGHT_PX, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    select: { show: true, left: 0, top: 0, width: 0, height: 0 },
    scales: {
      x: {
        range: () => {
          const { shown } = newest.current;
          return [shown.fromMs() / 1000, shown.toMs() / 1000];
        },
      },
      y: { range: heightRange },
    },
    axes: [
      {
        ...axis,
        size: 20,
        splits: (plot, _axis, low, high) => {
          const most = Math.max(1, Math.floor(plot.over.clientWidth / TICK_EVERY_PX));
          return ticks(low * 1000, high * 1000, most).map((ms) => ms / 1000);
        },
        values: (_plot, at) => at.map((s) => timeText(s * 1000)),
      },
      { ...axis, size: AXIS_PX, space: 28 },
    ],
    series,
    hooks: {
      ready: [(plot) => listen(plot, newest)],
      setCursor: [
        (plot) => {
          const { left = -1 } = plot.cursor;
          cursor.show(left < 0 ? null : plot.posToVal(left, "x") * 1000);
        },
      ],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          if (width <= CLICK_PX) return;
          const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
          newest.current.onZoom(from * 1000, to * 1000);
        },
      ],
      draw: [(plot) => drawMoment(plot, newest.current.shown.atMs, line, dimmed)],
    },
  };
  return new uPlot(options, [[], [], ...(plan.setpoint ? [[]] : [])], place);
}

/** A click that was no drag shows its moment. */
function listen(plot: uPlot, newest: Newest): void {
  let downAt = 0;
  plot.over.addEventListener("mousedown", ({ clientX }) => {
    downAt = clientX;
  });
  plot.over.addEventListener("click", ({ clientX }) => {
    if (Math.abs(clientX - downAt) > CLICK_PX) return;
    const left = clientX - plot.over.getBoundingClientRect().left;
    newest.current.onSeek(plot.posToVal(left, "x") * 1000);
  });
}

/** What is still to come steps back, behind a line at the moment shown. */
function drawMoment(plot: uPlot, atMs: number | null, line: string, dimmed: string): void {
  if (atMs === null) return;
  const { ctx, bbox } = plot;
  const at = plot.valToPos(atMs / 1000, "x", true);
  const right = bbox.left + bbox.width;
  if (at < bbox.left || at > right) return;
  ctx.save();
  ctx.globalAlpha = 0.6;
  ctx.fillStyle = dimmed;
  ctx.fillRect(at, bbox.top, right - at, bbox.height);
  ctx.globalAlpha = 1;
  ctx.setLineDash([]);
  ctx.strokeStyle = line;
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(at, bbox.top);
  ctx.lineTo(at, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}
