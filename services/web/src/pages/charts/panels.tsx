/** What each kind of panel shows. */

import { useMemo } from "react";
import { HIDDEN, UNSEEN } from "../../alarms/deeds";
import { byUrgency } from "../../alarms/order";
import { useAsk } from "../../app/asking";
import { address } from "../../app/routes";
import { textOf } from "../../charts/picks";
import { queryOf, type Span } from "../../charts/span";
import { ACTIVE_ALARMS, type DashboardPanel, LIST_DEVICES, RUNS } from "../../contract";
import { SeriesChart } from "../../telemetry/SeriesChart";
import { t } from "../../texts";
import { Ago, Problem, Quiet, Status, type Tone } from "../../ui/basics";
import { useSeries } from "./series";
import { ValuePanel } from "./ValuePanel";

interface Props {
  readonly panel: DashboardPanel;
  readonly span: Span;
  readonly onSpan: (span: Span) => void;
  readonly isSeen: boolean;
}

export function PanelBody(props: Props) {
  switch (props.panel.kind) {
    case "chart":
      return <ChartPanel {...props} />;
    case "value":
      return <ValuePanel {...props} />;
    case "alarms":
      return <AlarmsPanel {...props} />;
    case "runs":
      return <RunsPanel {...props} />;
  }
}

function ChartPanel({ panel, span, onSpan, isSeen }: Props) {
  const { picks, count, isKnown, problem } = useSeries(panel.series);
  if (panel.series.length === 0) return <Quiet>{t.charts.noSeries}</Quiet>;
  if (isKnown && picks.length === 0) return <Quiet>{t.charts.noDevices}</Quiet>;
  if (picks.length === 0)
    return problem ? <Problem>{problem}</Problem> : <Quiet>{t.ui.loading}</Quiet>;
  return (
    <>
      <SeriesChart
        picks={picks}
        span={span}
        onSpan={onSpan}
        height="fill"
        low={panel.low}
        high={panel.high}
        unit={panel.unit}
        label={panel.title}
        isPaused={!isSeen}
        hasMarks={panel.h > 3} // else there is no room
        aside={
          <>
            {count > picks.length && (
              <span className="quiet">{t.charts.tooMany(picks.length, count)}</span>
            )}
            <a
              className="board-open"
              href={address(["charts"], { tags: textOf(picks), ...queryOf(span) })}
              title={t.charts.asChart}
            >
              {t.charts.open}
            </a>
          </>
        }
      />
      {problem && <Problem>{problem}</Problem>}
    </>
  );
}

const ASKED_EVERY_MS = 15_000;
const MOST_ALARMS = 1_000;
const MOST_RUNS = 200;
const MOST_DEVICES = 2_000;
const SHOWN = 50;

/** The devices that a panel's labels fit; null: all, undefined: not known yet. */
function useDevicesOf(labels: string | null) {
  const { data, problem } = useAsk(
    LIST_DEVICES,
    { labels, most: MOST_DEVICES },
    { isWanted: labels !== null, everyMs: 60_000 },
  );
  const devices = useMemo(() => data && new Set(data.devices.map(({ device }) => device)), [data]);
  return { devices: labels === null ? null : devices, problem };
}

function AlarmsPanel({ panel, isSeen }: Props) {
  const { devices, problem: unknown } = useDevicesOf(panel.labels);
  // The page's frame asks again whenever an alarm moves (`AlarmBadge`): the answer is shared.
  const { data, problem } = useAsk(
    ACTIVE_ALARMS,
    { limit: MOST_ALARMS },
    { everyMs: ASKED_EVERY_MS, isWanted: isSeen },
  );
  const alarms = (data?.alarms ?? [])
    .filter(({ device, state }) => !HIDDEN.has(state) && (!devices || devices.has(device)))
    .sort(byUrgency);
  const isKnown = data !== undefined && devices !== undefined;
  const sentence = problem ?? unknown;
  return (
    <>
      {sentence && <Problem>{sentence}</Problem>}
      {!isKnown && !sentence && <Quiet>{t.ui.loading}</Quiet>}
      {isKnown && alarms.length === 0 && <Quiet>{t.charts.noAlarms}</Quiet>}
      {isKnown && (
        <ul className="board-list">
          {alarms.slice(0, SHOWN).map((one) => (
            <li key={`${one.device}/${one.alarm}`} data-testid="panel-alarm" data-alarm={one.alarm}>
              <Status tone={UNSEEN.has(one.state) ? "act" : "normal"}>
                {t.alarms.state[one.state] ?? one.state}
              </Status>
              <span className="what">
                <a href={address(["devices", one.device])}>{one.device}</a> {one.text || one.alarm}
              </span>
              <span className="quiet">
                <Ago ms={one.raised_at_ms ?? one.since_ms} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {alarms.length > SHOWN && <Quiet>{t.charts.tooMany(SHOWN, alarms.length)}</Quiet>}
      <a className="board-open" href="#/alarms">
        {t.charts.toAlarms}
      </a>
    </>
  );
}

const TONES: Readonly<Record<string, Tone>> = {
  running: "lit",
  paused: "act",
  stopping: "act",
  terminated: "quiet",
};

function RunsPanel({ panel, isSeen }: Props) {
  const { devices, problem: unknown } = useDevicesOf(panel.labels);
  const { data, problem } = useAsk(
    RUNS,
    { limit: MOST_RUNS },
    { everyMs: ASKED_EVERY_MS / 3, isWanted: isSeen },
  );
  const runs = (data?.runs ?? []).filter(({ device }) => !devices || devices.has(device));
  const isKnown = data !== undefined && devices !== undefined;
  const sentence = problem ?? unknown;
  return (
    <>
      {sentence && <Problem>{sentence}</Problem>}
      {!isKnown && !sentence && <Quiet>{t.ui.loading}</Quiet>}
      {isKnown && runs.length === 0 && <Quiet>{t.charts.noRuns}</Quiet>}
      {isKnown && (
        <ul className="board-list">
          {runs.slice(0, SHOWN).map((one) => (
            <li key={`${one.device}/${one.run}`} data-testid="panel-run" data-run={one.run}>
              <Status tone={one.overtaken ? "quiet" : (TONES[one.status] ?? "normal")}>
                {one.overtaken ? t.run.overtaken : t.run.status[one.status]}
              </Status>
              <span className="what">
                <a href={address(["devices", one.device, "runs", one.run])}>{one.flow}</a>{" "}
                <a href={address(["devices", one.device])}>{one.device}</a>{" "}
                <span className="quiet">{one.ended_at_ms === null && one.last_phase}</span>
              </span>
              <span className="quiet">
                <Ago ms={one.ended_at_ms ?? one.started_at_ms} />
              </span>
            </li>
          ))}
        </ul>
      )}
      <a className="board-open" href="#/runs">
        {t.charts.toRuns}
      </a>
    </>
  );
}
