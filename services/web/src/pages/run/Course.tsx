/** A run's course: phases over time, and the values under them on the same axis. */

import { useEffect, useMemo, useState } from "react";
import { useAsk, useLink, useMay } from "../../app/asking";
import { replaceQuery } from "../../app/routes";
import { ALARM_JOURNAL, type AlarmEntry, type Tag } from "../../contract";
import { Cursor } from "../../run/cursor";
import { mentioned, plansOf, proposed } from "../../run/plans";
import { pauses, type Replay } from "../../run/replay";
import { lanesOf, type Mark, marksOf } from "../../run/timeline";
import type { Tracks } from "../../run/tracks";
import type { ChartPlan } from "../../telemetry/arrange";
import { t } from "../../texts";
import { Button, Check, Panel, Problem, Quiet } from "../../ui/basics";
import { useColourScheme, useNow } from "../../ui/hooks";
import { sentenceOf } from "../../wamp/errors";
import type { Workflow } from "../../workflow/definition";
import { eventInWords, type Nodes, short } from "../../workflow/words";
import { Timeline } from "./Timeline";
import { type Shown, TrackChart } from "./TrackChart";

interface Props {
  readonly tracks: Tracks;
  readonly replay: Replay;
  readonly workflow: Workflow;
  readonly tags: readonly Tag[];
  readonly nodes: Nodes;
  readonly isLive: boolean;
  readonly knownUntilMs: number; // of a run that may go on, on a device that is away
  readonly isStale: boolean;
  readonly atMs: number | null; // the moment a replay shows
  readonly query: URLSearchParams;
  readonly onSeek: (ms: number) => void;
}

const LEAST_MS = 1_000; // the shortest span shown
const ZOOM = 2;
const ALARMS_EVERY_MS = 10_000;
const MANY_ALARMS = 500;
const NO_ALARMS: readonly AlarmEntry[] = [];

export function Course(props: Props) {
  const { tracks, replay, workflow, tags, nodes, isLive, isStale, atMs, query, onSeek } = props;
  const knownUntilMs = isLive ? 0 : props.knownUntilMs;
  const now = useNow(isLive ? 1_000 : 0) && tracks.nowMs();
  const cursor = useMemo(() => new Cursor(), []);
  const scheme = useColourScheme();
  const beganMs = replay.timeOf(0);
  const lastMs = Math.max(replay.timeOf(replay.length), beganMs + LEAST_MS, knownUntilMs);
  const untilMs = isLive ? Math.max(now, lastMs) : lastMs;

  const zoom = zoomOf(query);
  const fromMs = zoom?.fromMs ?? beganMs;
  const toMs = zoom?.toMs ?? untilMs;
  const lanes = useMemo(() => lanesOf(replay), [replay]);
  const held = useMemo(() => pauses(replay.log), [replay]);
  const alarms = useAlarms(tracks.device, beganMs, isLive ? null : lastMs);
  const marks = useMemo(() => marksOf(replay.log, workflow, alarms), [replay, workflow, alarms]);

  const plans = useMemo(() => plansOf(tags), [tags]);
  const picked = query.get("tags")?.split(",");
  const drawn = picked
    ? plans.filter(({ value }) => picked.includes(value.tag))
    : proposed(plans, mentioned(workflow, nodes));
  const problem = useTracks(tracks, drawn, beganMs, zoom, isLive, lastMs);

  const zoomedToMs = zoom?.toMs ?? null;
  const shown = useMemo<Shown>(() => {
    const untilNow = () => (isLive ? Math.max(tracks.nowMs(), lastMs) : lastMs);
    return {
      fromMs: () => fromMs,
      toMs: () => zoomedToMs ?? untilNow(),
      untilMs: untilNow,
      atMs,
    };
  }, [tracks, isLive, lastMs, fromMs, zoomedToMs, atMs]);

  function look(change: { span?: { fromMs: number; toMs: number } | null; tags?: string[] }) {
    const span = change.span === undefined ? zoom : change.span;
    const names = change.tags ?? picked;
    replaceQuery({
      from: span ? Math.round(span.fromMs) : null,
      to: span ? Math.round(span.toMs) : null,
      tags: names?.join(","),
    });
  }
  function zoomBy(factor: number) {
    const middle = atMs ?? (fromMs + toMs) / 2;
    const half = Math.max(LEAST_MS, (toMs - fromMs) / factor) / 2;
    if (half * 2 >= untilMs - beganMs) look({ span: null });
    else {
      const from = Math.min(Math.max(middle - half, beganMs), untilMs - 2 * half);
      look({ span: { fromMs: from, toMs: from + 2 * half } });
    }
  }
  const nameOf = (phase: string) => short(workflow.elements.get(phase)?.label ?? phase);
  return (
    <Panel
      title={t.run.timeline}
      isStale={isStale}
      className="run-course"
      name="course"
      actions={
        <>
          <Button look="plain" onClick={() => zoomBy(ZOOM)} data-testid="zoom-in">
            {t.run.zoomIn}
          </Button>
          <Button
            look="plain"
            disabled={!zoom}
            onClick={() => zoomBy(1 / ZOOM)}
            data-testid="zoom-out"
          >
            {t.run.zoomOut}
          </Button>
          <Button
            look="plain"
            disabled={!zoom}
            onClick={() => look({ span: null })}
            data-testid="whole"
          >
            {t.run.whole}
          </Button>
        </>
      }
    >
      <Timeline
        lanes={lanes}
        marks={marks}
        pauses={held}
        fromMs={fromMs}
        toMs={toMs}
        untilMs={untilMs}
        atMs={atMs}
        cursor={cursor}
        nameOf={nameOf}
        sentenceOf={(mark) => inWords(mark, workflow)}
        onSeek={onSeek}
      />
      {problem && <Problem>{problem}</Problem>}
      <div className="charts run-tracks">
        {drawn.map((plan) => (
          <TrackChart
            key={`${plan.value.tag}/${scheme}`}
            plan={plan}
            tracks={tracks}
            shown={shown}
            isLive={isLive}
            cursor={cursor}
            onSeek={onSeek}
            onZoom={(from, to) => look({ span: { fromMs: from, toMs: to } })}
          />
        ))}
      </div>
      {plans.length === 0 ? (
        <Quiet>{t.run.noTags}</Quiet>
      ) : (
        <TagPicker plans={plans} drawn={drawn} onPick={(names) => look({ tags: names })} />
      )}
      <Quiet>
        {t.run.dragToZoom} {t.run.keys}
      </Quiet>
    </Panel>
  );
}

function inWords({ event, alarm }: Mark, workflow: Workflow): string {
  if (event) return eventInWords(event, workflow);
  return alarm ? t.run.alarm(alarm.transition.alarm, alarm.transition.tag) : "";
}

interface Zoom {
  readonly fromMs: number;
  readonly toMs: number;
}

function zoomOf(query: URLSearchParams): Zoom | null {
  const [from, to] = [Number(query.get("from")), Number(query.get("to"))];
  return from > 0 && to - from >= 1 ? { fromMs: from, toMs: to } : null;
}

/** What alarmed on the device during the run; of one that goes on, also what comes. */
function useAlarms(device: string, fromMs: number, toMs: number | null): readonly AlarmEntry[] {
  const may = useMay(ALARM_JOURNAL);
  const later = fromMs + 366 * 86_400_000;
  const { data } = useAsk(
    ALARM_JOURNAL,
    { device, from_ms: fromMs, to_ms: (toMs ?? later) + 1, limit: MANY_ALARMS },
    { isWanted: may && fromMs > 0, ...(toMs === null ? { everyMs: ALARMS_EVERY_MS } : {}) },
  );
  return data?.entries ?? NO_ALARMS;
}

/** Keeps the courses loaded for what is drawn, and live while the run goes on. */
function useTracks(
  tracks: Tracks,
  drawn: readonly ChartPlan[],
  beganMs: number,
  zoom: Zoom | null,
  isLive: boolean,
  lastMs: number,
): string | null {
  const link = useLink();
  const [problem, setProblem] = useState<string | null>(null);
  const names = drawn.flatMap(({ value, setpoint }) => [value.tag, setpoint?.tag ?? ""]);
  const wanted = [...new Set(names)].filter(Boolean).join(",");
  const fromMs = zoom?.fromMs ?? beganMs;
  const toMs = zoom?.toMs ?? (isLive ? null : lastMs);
  useEffect(() => {
    if (!link || wanted === "" || fromMs <= 0) return;
    let isOver = false;
    const until = toMs ?? Math.max(tracks.nowMs(), fromMs + LEAST_MS);
    tracks.load(link, wanted.split(","), fromMs, until).then(
      () => !isOver && setProblem(null),
      (error) => !isOver && setProblem(sentenceOf(error)),
    );
    return () => {
      isOver = true;
    };
  }, [tracks, link, wanted, fromMs, toMs]);
  useEffect(() => {
    if (!link || !isLive) return;
    const heard = tracks.follow(link);
    return () => {
      heard.then(
        (unhear) => unhear(),
        () => {},
      );
    };
  }, [tracks, link, isLive]);
  return problem;
}

interface PickerProps {
  readonly plans: readonly ChartPlan[];
  readonly drawn: readonly ChartPlan[];
  readonly onPick: (names: string[]) => void;
}

function TagPicker({ plans, drawn, onPick }: PickerProps) {
  const names = drawn.map(({ value }) => value.tag);
  return (
    <details className="run-tags">
      <summary data-testid="tags">{t.run.tags(drawn.length)}</summary>
      <div>
        {plans.map(({ value: { tag } }) => (
          <Check
            key={tag}
            label={tag}
            checked={names.includes(tag)}
            onChange={({ target }) =>
              onPick(target.checked ? [...names, tag] : names.filter((one) => one !== tag))
            }
            data-testid="tag"
            data-tag={tag}
          />
        ))}
      </div>
    </details>
  );
}
