/** The runs of the project, those that go on first. */

import "../../style/run.css";
import "./run-page.css";
import { useState } from "react";
import { useAsk } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { address, go, type PageProps, replaceQuery } from "../../app/routes";
import { LIST_FLOWS, RUNS, type RunRecord, type RunStatus, type RunsQuery } from "../../contract";
import { t } from "../../texts";
import { Button, Moment, PageHead, Panel, Problem, Quiet, Search, Status } from "../../ui/basics";
import { useNow } from "../../ui/hooks";
import { type Column, Table } from "../../ui/Table";
import { duration } from "../../workflow/words";

const EVERY_MS = 5_000;
const PAGE = 100;
const MOST = 1_000; // of one answer
const STATES = ["active", "running", "paused", "finished", "terminated"] as const;
const HOUR_MS = 3_600_000;
const SPANS_MS = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 168 * HOUR_MS, month: 720 * HOUR_MS };
type SpanName = keyof typeof SPANS_MS;

const addressOf = ({ device, run }: RunRecord) => address(["devices", device, "runs", run]);

const COLUMNS: readonly Column<RunRecord>[] = [
  {
    id: "flow",
    title: t.run.flow,
    cell: (one) => (
      <>
        <a href={addressOf(one)} title={one.run}>
          {one.flow} <span className="quiet">{t.run.version(one.version)}</span>
        </a>
        <span className="run-on">{one.device}</span>
      </>
    ),
    sort: ({ flow, version }) => `${flow} ${version}`,
    width: "minmax(0, 2fr)",
  },
  {
    id: "device",
    title: t.run.device,
    cell: ({ device }) => <a href={address(["devices", device])}>{device}</a>,
    sort: ({ device }) => device,
    width: "minmax(7rem, 1.2fr)",
    onPhone: false,
  },
  {
    id: "state",
    title: t.run.state,
    cell: (one) => <StateOf record={one} />,
    sort: ({ status }) => status,
    width: "6.8rem",
  },
  {
    id: "started",
    title: t.run.started,
    cell: ({ started_at_ms }) => <Moment ms={started_at_ms} />,
    sort: ({ started_at_ms }) => started_at_ms,
    width: "minmax(5.2rem, 1fr)",
  },
  {
    id: "lasted",
    title: t.run.lasted,
    cell: (one) => <Lasted record={one} />,
    sort: (one) => (one.ended_at_ms ?? Number.MAX_SAFE_INTEGER) - one.started_at_ms,
    width: "minmax(6rem, 1fr)",
    onPhone: false,
  },
  {
    id: "phase",
    title: t.run.lastPhase,
    cell: ({ last_phase }) => last_phase ?? "–",
    width: "minmax(6rem, 1fr)",
    onPhone: false,
  },
  {
    id: "events",
    title: t.run.events,
    cell: ({ events }) => events,
    sort: ({ events }) => events,
    align: "right",
    width: "4.5rem",
    onPhone: false,
  },
];

const isActive = ({ ended_at_ms, overtaken }: RunRecord) => ended_at_ms === null && !overtaken;

export default function RunsPage({ query }: PageProps) {
  const [most, setMost] = useState(PAGE);
  const [device, flow] = [query.get("device") ?? "", query.get("flow") ?? ""];
  const [state, span] = [query.get("state") ?? "", query.get("span") ?? ""];
  const now = useNow(60_000);
  const named = useNamed(device);
  const isSearch = device !== "" && named === null;
  const filter = {
    ...(named ? { device: named } : {}),
    ...(flow ? { flow } : {}),
    ...(isStatus(state) ? { statuses: [state] } : {}),
    ...(span in SPANS_MS ? { from_ms: sinceMs(now, span as SpanName) } : {}),
  } satisfies Partial<RunsQuery>;
  const wantsEnded = state !== "active";
  const active = useAsk(
    RUNS,
    { ...filter, active: true, limit: MOST },
    { everyMs: EVERY_MS, keeps: true },
  );
  const ended = useAsk(
    RUNS,
    { ...filter, active: false, limit: isSearch ? MOST : most },
    { everyMs: EVERY_MS, keeps: true, isWanted: wantsEnded },
  );
  const flows = useAsk(LIST_FLOWS, {});
  const problem = active.problem ?? (wantsEnded ? ended.problem : null);
  const found =
    active.data && (ended.data || !wantsEnded)
      ? [...active.data.runs, ...(wantsEnded ? (ended.data?.runs ?? []) : [])]
      : null;
  const rows = isSearch ? (found?.filter((one) => one.device.includes(device)) ?? null) : found;
  const isFiltered = Boolean(device || flow || state || span);
  const hasMore = wantsEnded && typeof ended.data?.more === "number";
  const look = (change: Record<string, string>) =>
    replaceQuery({ device, flow, state, span, ...change });
  return (
    <>
      <PageHead
        title={t.run.list}
        note={active.data ? t.run.counted(active.data.runs.length) : null}
      />
      <Panel isStale={active.isStale} className="run-runs">
        <div className="filters">
          <Search
            value={device}
            onChange={(value) => look({ device: value.trim() })}
            label={t.run.anyDevice}
            name="runs-device"
          />
          <select
            aria-label={t.run.flow}
            value={flow}
            onChange={({ target }) => look({ flow: target.value })}
            data-testid="runs-flow"
          >
            <option value="">{t.run.anyFlow}</option>
            {[...new Set([...(flows.data?.flows ?? []).map((one) => one.flow), flow])]
              .filter(Boolean)
              .map((one) => (
                <option key={one}>{one}</option>
              ))}
          </select>
          <select
            aria-label={t.run.state}
            value={state}
            onChange={({ target }) => look({ state: target.value })}
            data-testid="runs-state"
          >
            <option value="">{t.run.anyState}</option>
            {STATES.map((one) => (
              <option key={one} value={one}>
                {one === "active" ? t.run.active : t.run.status[one]}
              </option>
            ))}
          </select>
          <select
            aria-label={t.run.started}
            value={span}
            onChange={({ target }) => look({ span: target.value })}
            data-testid="runs-span"
          >
            <option value="">{t.run.anyTime}</option>
            {(Object.keys(SPANS_MS) as SpanName[]).map((one) => (
              <option key={one} value={one}>
                {t.run.spans[one]}
              </option>
            ))}
          </select>
        </div>
        {problem && <Problem>{problem}</Problem>}
        {rows === null && !problem && <Quiet>{t.ui.loading}</Quiet>}
        {rows?.length === 0 && <Nothing isFiltered={isFiltered} />}
        {rows && rows.length > 0 && (
          <Table
            label={t.run.list}
            name="runs"
            columns={COLUMNS}
            rows={rows}
            keyOf={({ device: on, run }) => `${on}/${run}`}
            data={(one) => ({
              "data-run": one.run,
              "data-device": one.device,
              "data-status": one.status,
              "data-active": isActive(one),
            })}
            onOpen={(one) => go(addressOf(one))}
          />
        )}
        {hasMore && most < MOST && !isSearch && (
          <Button
            look="plain"
            isBusy={ended.isAsking && (ended.data?.runs.length ?? 0) < most}
            onClick={() => setMost(Math.min(MOST, most * 4))}
            data-testid="runs-more"
          >
            {t.run.older}
          </Button>
        )}
        {hasMore && (isSearch || most >= MOST) && <Quiet>{t.run.tooMany(MOST)}</Quiet>}
      </Panel>
    </>
  );
}

/** The one device that is meant by what was typed; null: none, or several may be. */
function useNamed(typed: string): string | null {
  const { devices } = useDevices();
  if (typed === "") return null;
  const names = (devices ?? []).map(({ device }) => device);
  const fitting = names.filter((name) => name.includes(typed));
  return names.includes(typed) ? typed : fitting.length === 1 ? (fitting[0] ?? null) : null;
}

function isStatus(state: string): state is RunStatus {
  return state !== "active" && (STATES as readonly string[]).includes(state);
}

/** Rounded down to a minute, so that the question stays the same for one. */
function sinceMs(nowMs: number, span: SpanName): number {
  return Math.floor((nowMs - SPANS_MS[span]) / 60_000) * 60_000;
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  return isFiltered ? (
    <Quiet name="no-runs">
      {t.run.noneFits} <a href={address(["runs"])}>{t.run.showAll}</a>
    </Quiet>
  ) : (
    <Quiet name="no-runs">
      {t.run.noRuns} <a href={address(["devices"])}>{t.run.toDevices}</a>
    </Quiet>
  );
}

function StateOf({ record }: { record: RunRecord }) {
  const { status, overtaken } = record;
  if (overtaken) {
    return (
      <Status tone="quiet" title={t.run.overtakenWhy}>
        {t.run.overtaken}
      </Status>
    );
  }
  const tone = status === "running" ? "lit" : status === "paused" ? "act" : "normal";
  return <Status tone={tone}>{t.run.status[status]}</Status>;
}

function Lasted({ record }: { record: RunRecord }) {
  const now = useNow(isActive(record) ? 5_000 : 0);
  if (record.overtaken) return <>–</>;
  const ms = Math.max(0, (record.ended_at_ms ?? now) - record.started_at_ms);
  return <>{duration(Math.round(ms / 1000) * 1000)}</>;
}
