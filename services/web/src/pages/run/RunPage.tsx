/** One run: its graph, its timeline over the charts of its values, live or replayed. */

import "uplot/dist/uPlot.min.css";
import "../../style/run.css";
import "./run-page.css";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useScope, useTell } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { address, go, type PageProps } from "../../app/routes";
import { RUNS, type RunReport, START_RUN } from "../../contract";
import { Countdowns } from "../../run/countdown";
import { activatedAt, type EventLog, signals, visits } from "../../run/log";
import type { Position } from "../../run/playing";
import { afterEvents, atMoment } from "../../run/playing";
import { hasEnded } from "../../run/progress";
import { Replay } from "../../run/replay";
import { RunStore, type RunView } from "../../run/store";
import { t } from "../../texts";
import {
  Button,
  Facts,
  Moment,
  PageHead,
  Panel,
  Problem,
  Quiet,
  Status,
  type Tone,
} from "../../ui/basics";
import { momentText, timeText } from "../../ui/format";
import { useNow } from "../../ui/hooks";
import { useToast } from "../../ui/toasts";
import type { Workflow } from "../../workflow/definition";
import { duration, type Nodes, nodesOf } from "../../workflow/words";
import { type Asking, Commands } from "./Commands";
import { Course } from "./Course";
import { Events } from "./EventList";
import { Graph } from "./Graph";
import { Player } from "./Player";
import { Waiting } from "./Waiting";

export default function RunPage({ ids, query }: PageProps) {
  const { device = "", run = "" } = ids;
  return <Run key={`${device}/${run}`} device={device} run={run} query={query} />;
}

interface RunProps {
  readonly device: string;
  readonly run: string;
  readonly query: URLSearchParams;
}

function Run({ device, run, query }: RunProps) {
  const { link } = useScope();
  const { devices } = useDevices();
  const known = devices?.find((one) => one.device === device);
  const isOnline = known?.online ?? null;
  const store = useMemo(() => new RunStore(device, run), [device, run]);
  const view = useSyncExternalStore(store.watch, store.view);
  useEffect(() => (link ? store.attach(link) : undefined), [store, link]);
  useEffect(() => {
    if (isOnline) store.refresh();
  }, [store, isOnline]);

  const { told, workflow, log } = view;
  const replay = useMemo(
    () => (told && workflow ? new Replay(told, log, workflow) : null),
    [told, log, workflow],
  );
  const [position, setPosition] = useState<Position | null>(null);
  const newest = view.report ?? (replay && replay.length > 0 ? replay.at(replay.length) : null);
  const isLive = newest !== null && !hasEnded(newest.status) && !view.isForgotten;
  const isPast = position !== null && replay !== null;
  const shown = isPast ? replay.at(position.count) : newest;
  const nodes = useMemo(() => nodesOf(view.detail?.tags ?? []), [view.detail]);
  const isStale = link === null || (isLive && (isOnline === false || !view.isAnswering));
  const place = { name: device, href: address(["devices", device]) };
  const title = newest?.started_at_ms
    ? t.run.title(newest.flow, momentText(newest.started_at_ms, Date.now()))
    : run;
  if (view.isStored === false && view.isForgotten) {
    return (
      <>
        <PageHead title={run} place={place} />
        <Panel>
          <Problem name="unknown-run">{t.run.unknown(run, device)}</Problem>
          <a href={address(["runs"], { device })}>{t.run.toRuns}</a>
        </Panel>
      </>
    );
  }
  return (
    <div
      className="run-page"
      data-testid="run"
      data-run={run}
      data-stale={isStale}
      data-replayed={isPast}
    >
      <PageHead title={title} place={place} note={<span className="mono">{run}</span>} />
      <RunHead
        store={store}
        view={view}
        newest={newest}
        shown={shown}
        isOnline={isOnline !== false}
        isPast={isPast}
        isStale={isStale}
        nodes={nodes}
        replay={replay}
        position={position}
      />
      {replay && workflow && replay.length > 0 && (
        <>
          <div className="columns">
            <Course
              tracks={store.tracks}
              replay={replay}
              workflow={workflow}
              tags={view.detail?.tags ?? []}
              nodes={nodes}
              isLive={isLive && isOnline !== false}
              knownUntilMs={isLive ? (known?.last_seen_at_ms ?? 0) : 0}
              isStale={isStale}
              atMs={isPast ? position.atMs : null}
              query={query}
              onSeek={(ms) => setPosition(atMoment(replay, ms))}
            />
            <Events
              log={log}
              workflow={workflow}
              problem={view.problems.events}
              shown={isPast ? (log[position.count - 1]?.number ?? -1) : null}
              onPick={({ number }) => {
                const count = log.findIndex((event) => event.number === number) + 1;
                setPosition(afterEvents(replay, count));
              }}
            />
          </div>
          <Player
            replay={replay}
            workflow={workflow}
            position={position}
            isLive={isLive}
            onMove={setPosition}
          />
        </>
      )}
    </div>
  );
}

interface HeadProps {
  readonly store: RunStore;
  readonly view: RunView;
  readonly newest: RunReport | null; // as it stands now
  readonly shown: RunReport | null; // as it stood at the moment shown
  readonly isOnline: boolean;
  readonly isPast: boolean;
  readonly isStale: boolean;
  readonly nodes: Nodes;
  readonly replay: Replay | null;
  readonly position: Position | null;
}

function RunHead(props: HeadProps) {
  const { store, view, newest, shown, isOnline, isPast, isStale } = props;
  const { link, session } = useScope();
  const [asking, setAsking] = useState<Asking | null>(null);
  const isEnded = newest !== null && hasEnded(newest.status);
  const blocked = obstacle();
  function obstacle(): string | null {
    if (link === null) return t.run.blocked.link;
    if (session.role === "viewer") return t.run.blocked.role;
    if (!isOnline) return t.run.blocked.offline;
    if (isPast) return t.run.blocked.replay;
    if (view.isForgotten) return isEnded ? null : t.run.blocked.forgotten;
    return view.isAnswering ? null : t.run.blocked.silent;
  }
  const canPick = blocked === null && newest?.status === "running";
  const problems = [...new Set(Object.values(view.problems))];
  return (
    <Panel
      isStale={isStale}
      title={t.run.panel}
      actions={
        <>
          {isPast && props.position && (
            <span className="quiet" data-testid="past">
              {t.run.asOf(timeText(props.position.atMs))}
            </span>
          )}
          <StatusOf report={shown} />
        </>
      }
    >
      {newest && <RunFacts report={newest} />}
      <div className="steering">
        <Commands
          store={store}
          report={newest}
          workflow={view.workflow}
          link={link}
          blocked={blocked}
          asking={asking}
          onAsk={setAsking}
        >
          <StartAgain
            device={store.device}
            report={newest}
            isOff={!isEnded || (blocked !== null && blocked !== t.run.blocked.replay)}
          />
        </Commands>
      </div>
      {blocked && !isPast && <Quiet name="blocked">{blocked}</Quiet>}
      {!isOnline && newest && <Quiet>{t.run.away}</Quiet>}
      {view.isForgotten && <Quiet>{t.run.forgotten}</Quiet>}
      {problems.map((sentence) => (
        <Problem key={sentence}>{sentence}</Problem>
      ))}
      {!newest && problems.length === 0 && <Quiet>{t.ui.loading}</Quiet>}
      {view.workflow && shown && (
        <Progress
          {...props}
          workflow={view.workflow}
          shown={shown}
          log={view.log}
          onListener={
            canPick
              ? (listener, type) =>
                  setAsking({ what: type === "APPROVAL" ? "approve" : "trigger", listener })
              : undefined
          }
        />
      )}
    </Panel>
  );
}

const TONES: Readonly<Record<RunReport["status"], Tone>> = {
  ready: "normal",
  running: "lit",
  paused: "act",
  stopping: "act",
  finished: "normal",
  terminated: "normal",
};

function StatusOf({ report }: { report: RunReport | null }) {
  if (!report) return null;
  const { status } = report;
  return (
    <Status tone={TONES[status]} role="status" data-testid="run-status" data-status={status}>
      {t.run.status[status]}
    </Status>
  );
}

function RunFacts({ report }: { report: RunReport }) {
  const { flow, version, started_at_ms: from, ended_at_ms: to, events } = report;
  const now = useNow(to === null ? 1_000 : 0);
  const lastedMs = from === null ? null : Math.max(0, (to ?? now) - from);
  return (
    <div className="run-facts">
      <Facts
        facts={[
          [
            t.run.flow,
            <span key="flow">
              <a href={address(["flows", flow])}>{flow}</a> {t.run.version(version)}
            </span>,
          ],
          [t.run.started, <Moment key="started" ms={from} />],
          [t.run.ended, to === null ? t.run.goesOn : <Moment key="ended" ms={to} />],
          [t.run.lasted, lastedMs === null ? "–" : duration(Math.round(lastedMs / 1000) * 1000)],
          [t.run.events, String(events)],
        ]}
      />
    </div>
  );
}

interface AgainProps {
  readonly device: string;
  readonly report: RunReport | null;
  readonly isOff: boolean;
}

/** Another run of the same flow on the same device. */
function StartAgain({ device, report, isOff }: AgainProps) {
  const start = useTell(START_RUN, RUNS);
  const note = useToast();
  async function again(flow: string) {
    const begun = await start.tell({ flow }, { device });
    if (!begun) return;
    note(t.run.startedAgain(flow));
    go(address(["devices", device, "runs", begun.run]));
  }
  return (
    <>
      <Button
        disabled={isOff || report === null}
        isBusy={start.busy !== null}
        onClick={() => report && void again(report.flow)}
        data-testid="again"
      >
        {t.run.again}
      </Button>
      {start.problem && <Problem name="again-problem">{start.problem}</Problem>}
    </>
  );
}

interface ProgressProps extends HeadProps {
  readonly workflow: Workflow;
  readonly shown: RunReport;
  readonly log: EventLog;
  readonly onListener: ((listener: string, type: string) => void) | undefined;
}

/** The graph and the waiting list, as they are or as they were. */
function Progress(props: ProgressProps) {
  const { store, workflow, nodes, shown, isPast, replay, position, onListener } = props;
  const countdowns = useRef(new Countdowns());
  const isTicking = !isPast && shown.listening.some(({ due_at_ms }) => due_at_ms !== null);
  useNow(isTicking ? 250 : 0);
  const now = store.tracks.nowMs();
  const count = isPast && position ? position.count : props.log.length;
  const log = useMemo(() => props.log.slice(0, count), [props.log, count]);
  const path = useMemo(() => signals(log), [log]);
  const visited = useMemo(() => visits(log), [log]);
  const activated = useMemo(() => activatedAt(log), [log]);
  const waits =
    isPast && replay && position
      ? replay.waits(position.count, position.atMs)
      : new Map(
          shown.listening.map((one) => [
            one.listener,
            countdowns.current.of(one, now, activated.get(one.listener)),
          ]),
        );
  return (
    <>
      <Graph
        workflow={workflow}
        nodes={nodes}
        report={shown}
        waits={waits}
        path={path}
        visits={visited}
        isMoving={!isPast && !hasEnded(shown.status)}
        onListener={onListener}
      />
      <div className="run-waiting" data-room={isPast || !hasEnded(shown.status)}>
        <Waiting report={shown} workflow={workflow} nodes={nodes} waits={waits} />
      </div>
    </>
  );
}
