/**
 * Several tags over time, on up to two axes: zoomed by drawing a box, moved with Shift or
 * a finger, or by keys; following the present while its span is live.
 *
 * What moves is drawn on the canvas and written into the legend directly: React renders
 * again only when the series, their units or the span are others.
 */

import "uplot/dist/uPlot.min.css";
import "./chart.css";
import {
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type uPlot from "uplot";
import { useLink } from "../app/asking";
import { useDevices } from "../app/devices";
import { lookOf, scaleOf, scalesOf } from "../charts/axes";
import { redrawEveryMs } from "../charts/bucket";
import type { CsvRow } from "../charts/csv";
import { keyOf, namesOf, type Pick } from "../charts/picks";
import { fixed, lengthOf, narrowed, panned, type Span, widened } from "../charts/span";
import { cursorText, rangeText, spanText } from "../charts/words";
import { t } from "../texts";
import { Quiet } from "../ui/basics";
import { valueText } from "../ui/format";
import { useColourScheme } from "../ui/hooks";
import { Courses } from "./courses";
import { MarkList } from "./MarkList";
import { Marks } from "./marks";
import { Painter } from "./paint";
import { columnOf, joined, makePlot, pictureOf } from "./plot";

/** What others may ask of a chart. */
export interface ChartHandle {
  readonly settled: () => Promise<void>; // all that is shown is there
  readonly rows: () => readonly CsvRow[];
  readonly bounds: () => readonly [number, number];
  readonly picture: (title: string) => Promise<Blob | null>;
}

interface Props {
  readonly picks: readonly Pick[];
  readonly span: Span;
  readonly onSpan?: ((span: Span) => void) | undefined; // absent: it stays as it is
  readonly height: number | "fill"; // px, or as high as its place: then it says less beside it
  readonly low?: number | null; // of the left axis; null: as the data
  readonly high?: number | null;
  readonly unit?: string; // in place of the tags' own
  readonly hasMarks?: boolean;
  readonly isPaused?: boolean; // nobody sees it: nothing is drawn
  readonly label?: string;
  readonly handle?: Ref<ChartHandle> | undefined;
  readonly aside?: ReactNode; // at the end of the legend
}

const TICK_MS = 250;
const PAN_SHARE = 0.25;

export function SeriesChart(props: Props) {
  const key = props.picks.map(keyOf).join("\n");
  return <Chart key={key} {...props} />; // other series are another chart
}

function Chart({
  picks,
  span,
  onSpan,
  height,
  low = null,
  high = null,
  unit = "",
  hasMarks = true,
  isPaused = false,
  label,
  handle,
  aside,
}: Props) {
  const link = useLink();
  const { devices } = useDevices();
  const scheme = useColourScheme();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the first ones; keyed by the picks
  const courses = useMemo(() => new Courses(picks, span), []);
  const marks = useMemo(() => new Marks(courses.devices), [courses]);
  const view = useSyncExternalStore(courses.watch, courses.view);
  const marked = useSyncExternalStore(marks.watch, marks.view);
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());
  const canvas = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const legend = useRef<(HTMLElement | null)[]>([]);
  const moment = useRef<HTMLSpanElement>(null);
  const cursor = useRef<number | null>(null);

  const isOnline = useMemo(() => {
    const online = new Set((devices ?? []).filter((one) => one.online).map((one) => one.device));
    return (device: string) => devices === null || online.has(device);
  }, [devices]);
  const newest = useRef({ span, onSpan, isOnline, hidden, isPaused, link });
  newest.current = { span, onSpan, isOnline, hidden, isPaused, link };

  useEffect(() => (link ? courses.attach(link) : undefined), [courses, link]);
  useEffect(
    () => (link && hasMarks && !isPaused ? marks.attach(link, () => courses.bounds()) : undefined),
    [marks, courses, link, hasMarks, isPaused],
  );

  const units = view.units.map((own) => unit || own);
  const unitKey = units.join("\n");
  const isBanded = view.bucketMs !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the units by their key
  const scales = useMemo(() => scalesOf(units), [unitKey]);
  const names = useMemo(() => namesOf(picks), [picks]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours of a scheme are read anew
  useEffect(() => {
    const place = canvas.current;
    if (!place) return;
    const heightNow = () => (height === "fill" ? Math.max(place.clientHeight, 40) : height);
    const style = { height: heightNow(), low, high, scales, units, isBanded, hasMarks };
    const made = makePlot(place, courses, style, {
      marks: marks.view,
      onZoom: onSpan ? (from, to) => newest.current.onSpan?.(fixed(from, to)) : null,
      onCursor: (at) => {
        cursor.current = at;
        tellValues();
      },
    });
    plot.current = made;
    const tellValues = () => {
      writeLegend(made, courses, legend.current, units, isBanded, cursor.current);
      if (moment.current) moment.current.textContent = momentOf(made, courses, cursor.current);
    };
    const draw = () => {
      if (newest.current.isPaused || document.hidden) return;
      const { link: isLinked, isOnline: there } = newest.current;
      made.setData(
        joined(
          courses.columns((device) => isLinked !== null && there(device)),
          isBanded,
        ),
      );
      place.dataset.points = String(made.data[0].length);
      tellValues();
    };
    const every = () => redrawEveryMs(lengthOf(courses.span), place.clientWidth);
    const painter = new Painter(draw, every);
    for (const course of newest.current.hidden) showCourse(made, course, isBanded, false);
    const stop = courses.moves(painter.touch);
    const stopMarks = marks.watch(painter.touch);
    const timer = setInterval(() => {
      if (courses.span.kind === "live") painter.touch();
    }, TICK_MS);
    const observer = new ResizeObserver(() => {
      const width = place.clientWidth;
      if (width === 0) return;
      made.setSize({ width, height: heightNow() });
      courses.show(newest.current.span, width);
    });
    observer.observe(place);
    const stopPan = pans(made, courses, (moved) => newest.current.onSpan?.(moved));
    painter.touch();
    return () => {
      stop();
      stopMarks();
      stopPan();
      clearInterval(timer);
      observer.disconnect();
      painter.end();
      plot.current = null;
      made.destroy();
    };
  }, [courses, marks, scales, unitKey, isBanded, height, low, high, hasMarks, scheme, !onSpan]);

  useEffect(() => {
    const width = canvas.current?.clientWidth ?? 0;
    if (width > 0) courses.show(span, width);
    marks.refresh();
  }, [courses, marks, span]);

  useImperativeHandle(handle, () => ({
    settled: () => courses.settled(),
    rows: () => courses.rows(),
    bounds: () => courses.bounds(),
    picture: (title) => {
      if (!plot.current) return Promise.resolve(null);
      const entries = names.map((name, course) => ({
        text: `${name}${units[course] ? `, ${units[course]}` : ""}`,
        ...lookOf(course, picks.length),
      }));
      return pictureOf(plot.current, title, entries);
    },
  }));

  function press(event: KeyboardEvent) {
    if (!onSpan || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = byKey(event.key, span, courses.nowMs());
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    onSpan(next);
  }
  function toggle(course: number) {
    const next = new Set(hidden);
    if (!next.delete(course)) next.add(course);
    setHidden(next);
    if (plot.current) showCourse(plot.current, course, isBanded, !next.has(course));
  }

  const shown =
    span.kind === "live" ? t.charts.lastOf(spanText(span.ms)) : rangeText(span.fromMs, span.toMs);
  return (
    <figure
      className="series-chart"
      data-testid="series-chart"
      data-stale={link === null}
      data-live={span.kind === "live"}
      data-fills={height === "fill"}
      data-bucket={view.bucketMs ?? 0}
      data-asking={view.isAsking}
      data-alarms={marked.alarms.length}
      data-phases={marked.phases.length}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: a picture that takes keys */}
      <div
        ref={canvas}
        className="plot"
        role="group"
        tabIndex={onSpan ? 0 : undefined}
        aria-label={t.charts.label(label || names.join(", "), shown)}
        onKeyDown={press}
        onDoubleClick={() => onSpan?.(widened(span, courses.nowMs()))}
      />
      <figcaption>
        <span className="quiet moment" ref={moment} />
        <ul className="legend">
          {picks.map((pick, course) => (
            <LegendEntry
              key={keyOf(pick)}
              name={names[course] ?? ""}
              title={keyOf(pick)}
              look={lookOf(course, picks.length)}
              isHidden={hidden.has(course)}
              isAway={!isOnline(pick.device)}
              hasOwnScale={scaleOf(scales, units[course] ?? "").side === null}
              onToggle={picks.length > 1 ? () => toggle(course) : null}
              write={(element) => {
                legend.current[course] = element;
              }}
            />
          ))}
        </ul>
        {link === null && <span className="mark off">{t.charts.notLive}</span>}
        {height !== "fill" && (
          <span className="quiet pitch">
            {view.bucketMs === null
              ? t.charts.everySample
              : t.charts.bucket(spanText(view.bucketMs))}
          </span>
        )}
        {aside}
      </figcaption>
      {view.problem && <Quiet name="chart-problem">{view.problem}</Quiet>}
      {view.isEmpty && !view.isAsking && <Quiet name="chart-empty">{t.charts.noneShown}</Quiet>}
      {hasMarks && height !== "fill" && <MarkList marks={marked} />}
    </figure>
  );
}

interface EntryProps {
  readonly name: string;
  readonly title: string;
  readonly look: { readonly colour: string; readonly dash: readonly number[] };
  readonly isHidden: boolean;
  readonly isAway: boolean;
  readonly hasOwnScale: boolean;
  readonly onToggle: (() => void) | null;
  readonly write: (element: HTMLElement | null) => void;
}

function LegendEntry(entry: EntryProps) {
  const { name, title, look, isHidden, isAway, hasOwnScale, onToggle, write } = entry;
  const content = (
    <>
      <svg className="swatch" viewBox="0 0 28 8" aria-hidden="true">
        <line
          x1="1"
          y1="4"
          x2="27"
          y2="4"
          style={{ stroke: `var(${look.colour})` }}
          strokeDasharray={look.dash.join(" ")}
        />
      </svg>
      <span className="name">{name}</span>
    </>
  );
  return (
    <li data-hidden={isHidden}>
      {onToggle ? (
        <button
          type="button"
          className="plain"
          aria-pressed={!isHidden}
          title={title}
          onClick={onToggle}
        >
          {content}
        </button>
      ) : (
        <span title={title}>{content}</span>
      )}
      <span className="value" ref={write} data-testid="legend-value" data-series={title} />
      {hasOwnScale && <span className="quiet">{t.charts.ownScale}</span>}
      {isAway && <span className="mark off">{t.charts.offline}</span>}
    </li>
  );
}

function byKey(key: string, span: Span, nowMs: number): Span | null {
  switch (key) {
    case "ArrowLeft":
      return panned(span, -PAN_SHARE, nowMs);
    case "ArrowRight":
      return span.kind === "live" ? null : panned(span, PAN_SHARE, nowMs);
    case "+":
    case "=":
      return narrowed(span);
    case "-":
      return widened(span, nowMs);
    case "Home":
      return { kind: "live", ms: lengthOf(span) };
    default:
      return null;
  }
}

function showCourse(plot: uPlot, course: number, isBanded: boolean, isShown: boolean): void {
  const first = columnOf(course, isBanded);
  const count = isBanded ? 4 : 2;
  for (let place = first; place < first + count; place += 1) {
    plot.setSeries(place, { show: isShown }, false);
  }
}

/** The value of each course under the pointer, or its newest one. */
function writeLegend(
  plot: uPlot,
  courses: Courses,
  elements: readonly (HTMLElement | null)[],
  units: readonly string[],
  isBanded: boolean,
  cursor: number | null,
): void {
  courses.picks.forEach((_pick, course) => {
    const element = elements[course];
    if (!element) return;
    const found = valueAt(plot, columnOf(course, isBanded), cursor);
    const unit = units[course] ? ` ${units[course]}` : "";
    const doubt = found?.isDoubtful ? ` ${t.charts.quality[1]}` : "";
    element.textContent = found ? `${valueText(found.value, "float")}${unit}${doubt}` : "–";
  });
}

/** The value of a column at a place, or at the end: where it has none, the one before. */
function valueAt(plot: uPlot, column: number, cursor: number | null) {
  const [values, doubtful] = [plot.data[column], plot.data[column + 1]];
  let place = cursor ?? (plot.data[0]?.length ?? 0) - 1;
  for (; place >= 0; place -= 1) {
    const [value, doubt] = [values?.[place], doubtful?.[place]];
    if (value === undefined && doubt === undefined) continue; // of another course
    if (typeof value === "number") return { value, isDoubtful: false };
    if (typeof doubt === "number") return { value: doubt, isDoubtful: true };
    return null; // it was bad
  }
  return null;
}

function momentOf(plot: uPlot, courses: Courses, cursor: number | null): string {
  const at = cursor === null ? undefined : plot.data[0][cursor];
  return at === undefined
    ? t.charts.newest
    : t.charts.at(cursorText(at * 1000, lengthOf(courses.span)));
}

/** With Shift, or by a finger, the picture is moved; the span is told at the end. */
function pans(plot: uPlot, courses: Courses, onMoved: (span: Span) => void): () => void {
  const { over } = plot;
  let begun: { readonly x: number; readonly span: Span } | null = null;
  let moved: Span | null = null;
  const down = (event: PointerEvent) => {
    if (!event.shiftKey && event.pointerType !== "touch") return;
    begun = { x: event.clientX, span: courses.span };
    moved = null;
    over.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    if (!begun) return;
    const share = (begun.x - event.clientX) / Math.max(over.clientWidth, 1);
    moved = panned(begun.span, share, courses.nowMs());
    courses.show(moved, plot.root.clientWidth);
  };
  const up = () => {
    if (begun && moved) onMoved(moved);
    begun = null;
  };
  over.addEventListener("pointerdown", down);
  over.addEventListener("pointermove", move);
  over.addEventListener("pointerup", up);
  over.addEventListener("pointercancel", up);
  return () => {
    over.removeEventListener("pointerdown", down);
    over.removeEventListener("pointermove", move);
    over.removeEventListener("pointerup", up);
    over.removeEventListener("pointercancel", up);
  };
}
