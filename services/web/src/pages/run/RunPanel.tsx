/** A device's run: which flow, the commands, the graph, and what it waits for. */

import { useEffect, useMemo, useRef, useState } from "react";
import { address } from "../../app/routes";
import type { Role, RunReport } from "../../contract";
import { type DeviceStore, type DeviceView, workflowKey } from "../../device/store";
import { Countdowns } from "../../run/countdown";
import { activatedAt, type EventLog, signals, visits } from "../../run/log";
import { hasEnded } from "../../run/progress";
import { t } from "../../texts";
import { momentText } from "../../ui/format";
import { useNow } from "../../ui/hooks";
import type { Link } from "../../wamp/link";
import type { Workflow } from "../../workflow/definition";
import type { Nodes } from "../../workflow/words";
import { type Asking, Commands } from "./Commands";
import { FlowPicker } from "./FlowPicker";
import { Graph } from "./Graph";
import { Waiting } from "./Waiting";

const NOTHING: EventLog = [];

interface Props {
  readonly store: DeviceStore;
  readonly view: DeviceView;
  readonly nodes: Nodes;
  readonly link: Link | null;
  readonly role: Role;
  readonly isOnline: boolean;
}

/** Why the person cannot command the device now; null: nothing stands in the way. */
function obstacle(
  link: Link | null,
  role: Role,
  isOnline: boolean,
  isAnswering: boolean,
): string | null {
  if (link === null) return t.run.blocked.link;
  if (role === "viewer") return t.run.blocked.role;
  if (!isOnline) return t.run.blocked.offline;
  return isAnswering ? null : t.run.blocked.silent;
}

/** The version of a flow that would run, or that could be installed. */
function newest(view: DeviceView, flow: string | null) {
  const is = (one: { readonly flow: string }) => one.flow === flow;
  return view.installed?.find(is) ?? view.saved.find(is) ?? null;
}

export function RunPanel({ store, view, nodes, link, role, isOnline }: Props) {
  const [flow, setFlow] = useState<string | null>(null);
  const [asking, setAsking] = useState<Asking | null>(null);
  const report = view.runs?.find(({ run }) => run === view.run) ?? null;
  const picked = flow ?? report?.flow ?? view.installed?.[0]?.flow ?? view.saved[0]?.flow ?? null;
  // Another flow than the one that ran last is drawn as it is, before it has run.
  const isPreview = !report || (hasEnded(report.status) && picked !== report.flow);
  const drawn = isPreview ? newest(view, picked) : report;
  const [id, version] = [drawn?.flow, drawn?.version];
  const workflow = drawn && view.workflows.get(workflowKey(drawn.flow, drawn.version));
  useEffect(() => {
    if (link && id !== undefined && version !== undefined) store.loadWorkflow(id, version);
  }, [store, link, id, version]);

  const blocked = obstacle(link, role, isOnline, view.isAnswering);
  return (
    <section className="panel run" aria-labelledby="run">
      <div className="panel-head">
        <h2 id="run">{t.run.panel}</h2>
        {report && (
          <a href={address(["devices", store.device, "runs", report.run])} data-testid="run-page">
            {t.run.openPage}
          </a>
        )}
        <RunChoice store={store} view={view} report={report} />
      </div>
      <div className="steering">
        <FlowPicker
          store={store}
          view={view}
          link={link}
          blocked={blocked}
          picked={picked}
          onPick={setFlow}
        />
        <Commands
          store={store}
          report={report}
          workflow={isPreview ? null : (workflow ?? null)}
          link={link}
          blocked={blocked}
          asking={asking}
          onAsk={setAsking}
        />
      </div>
      {blocked && (
        <p className="quiet" data-testid="blocked">
          {blocked}
        </p>
      )}
      <Problems view={view} />
      {workflow && (
        <Progress
          key={isPreview ? "preview" : report.run}
          store={store}
          log={isPreview ? NOTHING : view.log}
          report={isPreview ? null : report}
          nodes={nodes}
          workflow={workflow}
          onListener={
            blocked === null && report?.status === "running"
              ? (listener, type) =>
                  setAsking({ what: type === "APPROVAL" ? "approve" : "trigger", listener })
              : undefined
          }
        />
      )}
    </section>
  );
}

function Problems({ view }: { view: DeviceView }) {
  const { runs, installed, flows, workflow } = view.problems;
  const sentences = new Set([runs, installed, flows, workflow].filter(Boolean));
  return [...sentences].map((sentence) => (
    <p key={sentence} role="alert" className="problem">
      {sentence}
    </p>
  ));
}

interface RunChoiceProps {
  readonly store: DeviceStore;
  readonly view: DeviceView;
  readonly report: RunReport | null;
}

function RunChoice({ store, view, report }: RunChoiceProps) {
  const now = useNow(60_000);
  const runs = view.runs ?? [];
  if (!report) {
    return (
      <span className="quiet" data-testid="run-status" data-status={view.runs ? "none" : "unknown"}>
        {view.runs ? t.run.noRunYet : t.run.asking}
      </span>
    );
  }
  const since = (one: RunReport) =>
    one.started_at_ms === null ? "" : t.run.since(momentText(one.started_at_ms, now));
  return (
    <>
      <span
        className={`status ${report.status}`}
        role="status"
        data-testid="run-status"
        data-run={report.run}
        data-status={report.status}
      >
        {t.run.status[report.status]}
      </span>
      {runs.length > 1 ? (
        <select
          aria-label={t.run.choice}
          data-testid="run-choice"
          value={report.run}
          onChange={({ target }) =>
            store.choose(target.value === runs[0]?.run ? null : target.value)
          }
        >
          {runs.map((one) => (
            <option key={one.run} value={one.run}>
              {one.flow} {one.version}
              {since(one)}, {t.run.status[one.status]}
            </option>
          ))}
        </select>
      ) : (
        <span className="quiet">
          {report.flow} {t.run.version(report.version)}
          {since(report)}
        </span>
      )}
    </>
  );
}

interface ProgressProps {
  readonly store: DeviceStore;
  readonly log: EventLog;
  readonly report: RunReport | null;
  readonly nodes: Nodes;
  readonly workflow: Workflow;
  readonly onListener: ((listener: string, type: string) => void) | undefined;
}

/** The graph and the waiting list, with their countdowns ticking. */
function Progress({ store, log, report, nodes, workflow, onListener }: ProgressProps) {
  const countdowns = useRef(new Countdowns());
  const isTicking = report?.listening.some(({ due_at_ms }) => due_at_ms !== null) ?? false;
  useNow(isTicking ? 250 : 0);
  const now = store.values.nowMs();
  const path = useMemo(() => signals(log), [log]);
  const activated = useMemo(() => activatedAt(log), [log]);
  const visited = useMemo(() => visits(log), [log]);
  const waits = new Map(
    (report?.listening ?? []).map((one) => [
      one.listener,
      countdowns.current.of(one, now, activated.get(one.listener)),
    ]),
  );
  return (
    <>
      <Graph
        workflow={workflow}
        nodes={nodes}
        report={report}
        waits={waits}
        path={path}
        isMoving={report !== null && !hasEnded(report.status)}
        visits={visited}
        onListener={onListener}
      />
      {report && <Waiting report={report} workflow={workflow} nodes={nodes} waits={waits} />}
    </>
  );
}
