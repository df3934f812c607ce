/** Phases as bars over time, and what people did, above charts with the same time axis. */

import { type MouseEvent, useEffect, useRef } from "react";
import type { Cursor } from "../../run/cursor";
import type { Span } from "../../run/replay";
import { type Lane, type Mark, type MarkKind, ticks } from "../../run/timeline";
import { t } from "../../texts";
import { Quiet } from "../../ui/basics";
import { timeText } from "../../ui/format";
import { useWidth } from "../../ui/hooks";
import { duration } from "../../workflow/words";

export const AXIS_PX = 52; // left of the time axis: as wide as the charts' values
export const RIGHT_PX = 14;

interface Props {
  readonly lanes: readonly Lane[];
  readonly marks: readonly Mark[];
  readonly pauses: readonly Span[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly untilMs: number; // where bars end that have not ended
  readonly atMs: number | null; // the moment a replay shows
  readonly cursor: Cursor;
  readonly nameOf: (phase: string) => string;
  readonly sentenceOf: (mark: Mark) => string;
  readonly onSeek: (ms: number) => void;
}

const [MARKS_PX, LANE_PX, BAR_PX, TICKS_PX, TICK_EVERY_PX] = [26, 32, 13, 20, 90];

/** Within a circle of radius 6 around the origin. */
const SIGNS: Readonly<Record<MarkKind, string>> = {
  pause: "M-4 -5V5M4 -5V5",
  resume: "M-4 -5 5 0 -4 5Z",
  approval: "M-5 0 -2 4 5 -4",
  forced: "M-5 -4H5L0 5Z",
  alert: "M0 -6V1M0 4.5V5.5",
  failure: "M-4 -4 4 4M4 -4 -4 4",
  end: "M-4 -4H4V4H-4Z",
  alarm: "M0 -6 6 0 0 6 -6 0Z",
};

export function Timeline(props: Props) {
  const { lanes, marks, pauses, fromMs, toMs, untilMs, atMs, cursor, onSeek } = props;
  const [frame, width] = useWidth<HTMLDivElement>();
  const pointer = useRef<SVGLineElement>(null);
  const inner = Math.max(1, width - AXIS_PX - RIGHT_PX);
  const x = (ms: number) => AXIS_PX + ((ms - fromMs) / Math.max(1, toMs - fromMs)) * inner;
  const inside = (ms: number) => Math.min(Math.max(x(ms), AXIS_PX), AXIS_PX + inner);
  const bottom = MARKS_PX + lanes.length * LANE_PX;
  const isSeen = (ms: number) => ms >= fromMs && ms <= toMs;

  const place = useRef(inside);
  place.current = inside;
  useEffect(() => {
    const show = () => {
      const ms = cursor.ms();
      const line = pointer.current;
      if (!line) return;
      line.style.visibility = ms === null ? "hidden" : "visible";
      if (ms !== null) line.style.transform = `translateX(${place.current(ms)}px)`;
    };
    show();
    return cursor.watch(show);
  }, [cursor]);

  function momentOf({ clientX, currentTarget }: MouseEvent<SVGSVGElement>): number {
    const along = clientX - currentTarget.getBoundingClientRect().left - AXIS_PX;
    return fromMs + Math.min(1, Math.max(0, along / inner)) * (toMs - fromMs);
  }
  if (lanes.length === 0) return <Quiet>{t.run.noTimeline}</Quiet>;
  return (
    <div ref={frame} className="run-timeline" data-testid="timeline" data-lanes={lanes.length}>
      {width > 0 && (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the slider and the arrow keys do the same
        <svg
          width={width}
          height={bottom + TICKS_PX}
          role="img"
          aria-label={t.run.timelineOf(lanes.length)}
          onClick={(event) => onSeek(momentOf(event))}
          onMouseMove={(event) => cursor.show(momentOf(event))}
          onMouseLeave={() => cursor.show(null)}
        >
          {pauses.map((pause) => (
            <rect
              key={pause.fromMs}
              className="held"
              x={inside(pause.fromMs)}
              y={MARKS_PX}
              width={Math.max(1, inside(pause.toMs ?? untilMs) - inside(pause.fromMs))}
              height={bottom - MARKS_PX}
            />
          ))}
          {ticks(fromMs, toMs, Math.max(1, Math.floor(inner / TICK_EVERY_PX))).map((at) => (
            <g key={at}>
              <line className="grid" x1={x(at)} x2={x(at)} y1={MARKS_PX} y2={bottom} />
              <text className="tick" x={x(at)} y={bottom + 14}>
                {timeText(at)}
              </text>
            </g>
          ))}
          {lanes.map((lane, row) => (
            <g key={lane.phase} data-testid="lane" data-phase={lane.phase}>
              <text className="name" x={AXIS_PX} y={MARKS_PX + row * LANE_PX + 12}>
                {props.nameOf(lane.phase)}
              </text>
              {lane.bars.map((bar) => {
                const [from, to] = [inside(bar.fromMs), inside(bar.toMs ?? untilMs)];
                const lasted =
                  bar.toMs === null
                    ? t.run.goesOn
                    : t.run.lastedFor(duration(bar.toMs - bar.fromMs));
                const top = MARKS_PX + row * LANE_PX + LANE_PX - BAR_PX - 3;
                const isShown = (bar.toMs ?? untilMs) >= fromMs && bar.fromMs <= toMs;
                return isShown ? (
                  <g key={bar.number} data-testid="bar" data-phase={bar.phase}>
                    <title>
                      {t.run.bar(props.nameOf(bar.phase), timeText(bar.fromMs), lasted)}
                    </title>
                    <rect
                      className={bar.toMs === null ? "bar open" : "bar"}
                      x={from}
                      y={top}
                      width={Math.max(2, to - from)}
                      height={BAR_PX}
                      rx={2}
                    />
                    {bar.failed.filter(isSeen).map((at) => (
                      <path
                        key={at}
                        className="sign failure"
                        d={SIGNS.failure}
                        transform={`translate(${x(at)} ${top + BAR_PX / 2})`}
                      />
                    ))}
                  </g>
                ) : null;
              })}
            </g>
          ))}
          {marks
            .filter(({ atMs: at }) => isSeen(at))
            .map((mark) => (
              <g
                key={`${mark.event?.number ?? ""}/${mark.alarm?.id ?? ""}`}
                transform={`translate(${x(mark.atMs)} 0)`}
                data-testid="mark"
                data-kind={mark.kind}
              >
                <title>{t.run.mark(props.sentenceOf(mark), timeText(mark.atMs))}</title>
                <line className={`moment ${mark.kind}`} y1={MARKS_PX - 4} y2={bottom} />
                <rect className="target" x={-10} y={0} width={20} height={MARKS_PX} />
                <path
                  className={`sign ${mark.kind}`}
                  d={SIGNS[mark.kind]}
                  transform="translate(0 12)"
                />
              </g>
            ))}
          {atMs !== null && isSeen(atMs) && (
            <line
              className="shown"
              x1={x(atMs)}
              x2={x(atMs)}
              y1={0}
              y2={bottom}
              data-testid="shown-moment"
            />
          )}
          <line ref={pointer} className="pointer" y1={MARKS_PX} y2={bottom} />
        </svg>
      )}
      <Legend kinds={new Set(marks.map(({ kind }) => kind))} />
    </div>
  );
}

function Legend({ kinds }: { kinds: ReadonlySet<MarkKind> }) {
  return (
    <p className="run-legend quiet">
      {(Object.keys(SIGNS) as MarkKind[])
        .filter((kind) => kinds.has(kind))
        .map((kind) => (
          <span key={kind}>
            <svg width={16} height={16} viewBox="-8 -8 16 16" aria-hidden="true">
              <path className={`sign ${kind}`} d={SIGNS[kind]} />
            </svg>
            {t.run.legend[kind]}
          </span>
        ))}
    </p>
  );
}
