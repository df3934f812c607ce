/** The uPlot of several courses: scales, bands of lowest and highest, marks on its axis. */

import uPlot from "uplot";
import { lookOf, rangeOf, type Scale, scaleOf } from "../charts/axes";
import type { Columns } from "../charts/line";
import { inRows } from "../charts/marks";
import { tickText } from "../charts/words";
import type { Courses } from "./courses";
import { axisLook, FONT, token } from "./look";
import type { MarksView } from "./marks";

export interface PlotStyle {
  readonly height: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly scales: readonly Scale[];
  readonly units: readonly string[]; // of each course
  readonly isBanded: boolean;
  readonly hasMarks: boolean;
}

export interface PlotEvents {
  readonly marks: () => MarksView;
  readonly onZoom: ((fromMs: number, toMs: number) => void) | null;
  readonly onCursor: (place: number | null) => void;
}

const PHASE_ROWS = 2;
const PHASE_PX = 13;
const MARK_PX = 5;
const SMALLEST_ZOOM_PX = 6;
const PER_COURSE = 2; // columns: the value, the doubtful value
const PER_BAND = 4; // and lowest, highest

function faint(colour: string): string {
  return /^#[0-9a-f]{6}$/i.test(colour) ? `${colour}26` : colour;
}

/** Columns of all courses on one axis of time. */
export function joined(columns: readonly Columns[], isBanded: boolean): uPlot.AlignedData {
  const tables = columns.map(({ at, value, doubtful, low, high }) =>
    isBanded ? [at, value, doubtful, low, high] : [at, value, doubtful],
  ) as unknown as uPlot.AlignedData[];
  if (tables.length === 1) return tables[0] as uPlot.AlignedData;
  return uPlot.join(tables);
}

/** Where in the data the value of a course stands. */
export function columnOf(course: number, isBanded: boolean): number {
  return 1 + course * (isBanded ? PER_BAND : PER_COURSE);
}

export function makePlot(
  place: HTMLElement,
  courses: Courses,
  style: PlotStyle,
  events: PlotEvents,
): uPlot {
  const { scales, isBanded } = style;
  const count = courses.picks.length;
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  courses.picks.forEach((_pick, course) => {
    const look = lookOf(course, count);
    const colour = token(look.colour);
    const { key: scale } = scaleOf(scales, style.units[course] ?? "");
    const plain = { scale, points: { show: false } };
    series.push({ ...plain, stroke: colour, width: 1.6, dash: [...look.dash] });
    series.push({ ...plain, stroke: token("--quiet"), width: 1.4, dash: [1, 3] });
    if (isBanded) {
      const edge = { ...plain, stroke: "transparent", width: 0 };
      const first = series.length;
      series.push(edge, { ...edge });
      bands.push({ series: [first + 1, first], fill: faint(colour) });
    }
  });
  const options: uPlot.Options = {
    width: Math.max(place.clientWidth, 50),
    height: style.height,
    padding: [style.hasMarks ? PHASE_ROWS * PHASE_PX + 6 : 8, sidePadding(scales), 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: events.onZoom !== null, y: false, setScale: false },
      bind: { mousedown: (_plot, _target, handler) => unlessShift(handler) },
      points: { show: false },
    },
    scales: scalesOf(courses, style),
    axes: axesOf(scales),
    series,
    bands,
    hooks: {
      setCursor: [
        ({ cursor }) => events.onCursor((cursor.left ?? -1) < 0 ? null : (cursor.idx ?? null)),
      ],
      setSelect: [(plot) => zoomTo(plot, events.onZoom)],
      draw: style.hasMarks ? [(plot) => drawMarks(plot, events.marks(), courses.nowMs())] : [],
    },
  };
  return new uPlot(options, [[], ...series.slice(1).map(() => [])] as uPlot.AlignedData, place);
}

const sidePadding = (scales: readonly Scale[]) => (scales.length > 1 ? 0 : 16);

function unlessShift(handler: uPlot.Cursor.MouseListener): uPlot.Cursor.MouseListener {
  return (event) => (event.shiftKey ? null : handler(event)); // with Shift it is moved
}

function scalesOf(courses: Courses, { scales, low, high }: PlotStyle): uPlot.Scales {
  const bounds = () => courses.bounds().map((ms) => ms / 1000) as [number, number];
  const found: uPlot.Scales = { x: { time: true, range: bounds } };
  for (const [place, { key }] of scales.entries()) {
    const [from, to] = place === 0 ? [low, high] : [null, null];
    found[key] = { range: (_plot, least, most) => [...rangeOf(least, most, from, to)] };
  }
  return found;
}

function axesOf(scales: readonly Scale[]): uPlot.Axis[] {
  const plain: uPlot.Axis = { ...axisLook(), labelFont: FONT };
  const time: uPlot.Axis = {
    ...plain,
    size: 24,
    space: 76,
    values: (_plot, at, _axis, _space, apart) =>
      at.map((second, place) => tickText(second * 1000, apart * 1000, place === 0)),
  };
  const sides = scales.filter(({ side }) => side !== null);
  return [
    time,
    ...sides.map(
      ({ key, unit, side }): uPlot.Axis => ({
        ...plain,
        scale: key,
        side: side === "left" ? 3 : 1,
        size: 48,
        space: 30,
        ...(side === "left" ? {} : { grid: { show: false } }),
        ...(unit ? { label: unit, labelSize: 16, labelGap: 0 } : {}),
      }),
    ),
  ];
}

function zoomTo(plot: uPlot, onZoom: PlotEvents["onZoom"]): void {
  const { left, width } = plot.select;
  if (width < SMALLEST_ZOOM_PX || !onZoom) return;
  const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onZoom(from * 1000, to * 1000);
}

/** Phases in rows above, alarms as marks that stand on the axis of time. */
function drawMarks(plot: uPlot, { alarms, phases }: MarksView, nowMs: number): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const x = (ms: number) => plot.valToPos(ms / 1000, "x", true);
  ctx.save();
  ctx.font = `${10 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  ctx.setLineDash([]); // of whatever was drawn last
  ctx.lineWidth = ratio;
  const [fill, edge, text] = [token("--field"), token("--line"), token("--quiet")];
  for (const { row, phase, fromMs, toMs } of inRows(phases, nowMs)) {
    if (row >= PHASE_ROWS) continue;
    const left = Math.max(x(fromMs), bbox.left);
    const right = Math.min(x(toMs ?? nowMs), bbox.left + bbox.width);
    if (right <= left) continue;
    const top = bbox.top - (PHASE_ROWS - row) * PHASE_PX * ratio - 2 * ratio;
    const height = (PHASE_PX - 2) * ratio;
    ctx.fillStyle = right - left > 3 * ratio ? fill : edge;
    ctx.strokeStyle = edge;
    ctx.fillRect(left, top, right - left, height);
    if (right - left > 3 * ratio) ctx.strokeRect(left, top, right - left, height);
    if (right - left < 16 * ratio) continue;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, right - left, height);
    ctx.clip();
    ctx.fillStyle = text;
    ctx.fillText(phase, left + 3 * ratio, top + height / 2);
    ctx.restore();
  }
  const bottom = bbox.top + bbox.height;
  const size = MARK_PX * ratio;
  for (const { atMs } of alarms) {
    const at = x(atMs);
    if (at < bbox.left || at > bbox.left + bbox.width) continue;
    ctx.strokeStyle = token("--act");
    ctx.lineWidth = ratio;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bottom);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.fillStyle = token("--act");
    ctx.beginPath();
    ctx.moveTo(at, bottom - 1.6 * size);
    ctx.lineTo(at + size, bottom);
    ctx.lineTo(at - size, bottom);
    ctx.fill();
  }
  ctx.restore();
}

/** A picture of the chart with its legend, on the page's ground. */
export function pictureOf(
  plot: uPlot,
  title: string,
  legend: readonly {
    readonly text: string;
    readonly colour: string;
    readonly dash: readonly number[];
  }[],
): Promise<Blob | null> {
  const source = plot.ctx.canvas;
  const ratio = devicePixelRatio;
  const line = 18 * ratio;
  const top = title ? 1.6 * line : 0.5 * line;
  const canvas = document.createElement("canvas");
  canvas.width = source.width;
  canvas.height = Math.ceil(source.height + top + (legend.length + 0.5) * line);
  const ctx = canvas.getContext("2d");
  if (!ctx) return Promise.resolve(null);
  ctx.fillStyle = token("--panel");
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.fillStyle = token("--ink");
  ctx.textBaseline = "middle";
  ctx.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  if (title) ctx.fillText(title, 10 * ratio, 0.8 * line);
  ctx.drawImage(source, 0, top);
  ctx.font = `${12 * ratio}px system-ui, sans-serif`;
  legend.forEach(({ text, colour, dash }, place) => {
    const y = top + source.height + (place + 0.5) * line;
    ctx.strokeStyle = token(colour);
    ctx.lineWidth = 2 * ratio;
    ctx.setLineDash(dash.map((px) => px * ratio));
    ctx.beginPath();
    ctx.moveTo(10 * ratio, y);
    ctx.lineTo(40 * ratio, y);
    ctx.stroke();
    ctx.fillText(text, 48 * ratio, y);
  });
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
