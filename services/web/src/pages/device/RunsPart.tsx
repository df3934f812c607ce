/** The device's runs, past and present, and the flows installed on it. */

import { useMemo, useState } from "react";
import { useAsk } from "../../app/asking";
import { address } from "../../app/routes";
import { RUNS, type RunRecord, type RunStatus } from "../../contract";
import { runsOf } from "../../device/runs";
import { t } from "../../texts";
import { Button, Moment, Panel, Problem, Quiet, Status, type Tone } from "../../ui/basics";
import { type Column, Table } from "../../ui/Table";
import { InstalledFlows } from "./InstalledFlows";
import type { PartProps } from "./parts";

const FIRST = 50;
const MOST = 1_000;
const EVERY_MS = 5_000;
const words = t.device.runs;

const TONES: Readonly<Record<RunStatus, Tone>> = {
  ready: "quiet",
  running: "lit",
  paused: "act",
  stopping: "act",
  finished: "quiet",
  terminated: "quiet",
};

export function RunsPart(props: PartProps) {
  const { device, view } = props;
  const [limit, setLimit] = useState(FIRST);
  const { data, problem, isStale } = useAsk(
    RUNS,
    { device, limit },
    { everyMs: EVERY_MS, keeps: true },
  );
  const runs = useMemo(
    () => runsOf(device, data?.runs ?? [], view.runs ?? []),
    [device, data, view.runs],
  );
  return (
    <>
      <InstalledFlows {...props} />
      <Panel title={words.title} isStale={isStale}>
        {problem && <Problem>{problem}</Problem>}
        {!data && !problem && runs.length === 0 && <Quiet>{t.ui.loading}</Quiet>}
        {data && runs.length === 0 && <Quiet>{words.none}</Quiet>}
        {runs.length > 0 && (
          <Table
            label={words.title}
            name="run"
            columns={COLUMNS}
            rows={runs}
            keyOf={({ run }) => run}
            data={({ run, status }) => ({ "data-run": run, "data-status": status })}
          />
        )}
        {data?.more && limit < MOST && (
          <Button look="plain" onClick={() => setLimit(Math.min(limit * 2, MOST))}>
            {words.more}
          </Button>
        )}
      </Panel>
    </>
  );
}

const COLUMNS: readonly Column<RunRecord>[] = [
  {
    id: "run",
    title: words.columns.run,
    width: "minmax(9rem, 1.6fr)",
    cell: ({ device, run }) => <a href={address(["devices", device, "runs", run])}>{run}</a>,
    sort: ({ run }) => run,
  },
  {
    id: "flow",
    title: words.columns.flow,
    width: "minmax(7rem, 1fr)",
    cell: ({ flow, version }) => t.device.flows.version(flow, version),
    sort: ({ flow, version }) => `${flow} ${version}`,
    onPhone: false,
  },
  {
    id: "status",
    title: words.columns.status,
    width: "7rem",
    cell: ({ status }) => <Status tone={TONES[status]}>{t.fleet.runStatus[status]}</Status>,
    sort: ({ status }) => status,
  },
  {
    id: "phase",
    title: words.columns.phase,
    width: "minmax(5rem, 0.8fr)",
    cell: ({ last_phase }) => <span className="quiet">{last_phase ?? t.fleet.none}</span>,
    onPhone: false,
  },
  {
    id: "started",
    title: words.columns.started,
    width: "minmax(6rem, 1fr)",
    cell: ({ started_at_ms }) => <Moment ms={started_at_ms} />,
    sort: ({ started_at_ms }) => started_at_ms,
    onPhone: false,
  },
  {
    id: "ended",
    title: words.columns.ended,
    width: "minmax(6rem, 1fr)",
    cell: ({ ended_at_ms }) => <Moment ms={ended_at_ms} />,
    sort: ({ ended_at_ms }) => ended_at_ms ?? Number.MAX_SAFE_INTEGER,
    onPhone: false,
  },
];
