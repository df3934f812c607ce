/** What the fleet's table tells of each device. */

import { address } from "../../app/routes";
import type { RunStatus } from "../../contract";
import { severityWord } from "../../device/alarms";
import type { ActiveRun, FleetRow } from "../../device/fleet";
import { labelText, selectorOf } from "../../device/labels";
import { t } from "../../texts";
import { Ago, OnlineMark, Status, type Tone } from "../../ui/basics";
import type { Column } from "../../ui/Table";

const TONES: Readonly<Record<RunStatus, Tone>> = {
  ready: "quiet",
  running: "lit",
  paused: "act",
  stopping: "act",
  finished: "quiet",
  terminated: "quiet",
};
const SEVERITY_TONES = { low: "normal", medium: "act", high: "bad", critical: "bad" } as const;

/** What may not be known: where the answer is missing, the cell says so. */
export function columns(knows: {
  readonly alarms: boolean;
  readonly runs: boolean;
}): readonly Column<FleetRow>[] {
  const { columns: title } = t.fleet;
  return [
    {
      id: "device",
      title: title.device,
      width: "minmax(6rem, 1.3fr)",
      cell: ({ report }) => <a href={address(["devices", report.device])}>{report.device}</a>,
      sort: ({ report }) => report.device,
    },
    {
      id: "state",
      title: title.state,
      width: "minmax(4.7rem, 0.6fr)",
      cell: ({ report }) => <OnlineMark isOnline={report.online} />,
      sort: ({ report }) => Number(report.online),
    },
    {
      id: "alarms",
      title: title.alarms,
      width: "minmax(5.5rem, 0.7fr)",
      cell: (row) => (knows.alarms ? <Alarms row={row} /> : <Unknown />),
      sort: ({ alarms }) => -alarms.worst * 1_000 - alarms.count,
    },
    {
      id: "run",
      title: title.run,
      width: "minmax(9rem, 1.4fr)",
      cell: ({ report, runs }) =>
        knows.runs ? <Run device={report.device} runs={runs} /> : <Unknown />,
      sort: ({ runs }) => (runs[0] ? `0 ${runs[0].flow} ${runs[0].status}` : "1"),
      onPhone: false,
    },
    {
      id: "labels",
      title: title.labels,
      width: "minmax(8rem, 1.4fr)",
      cell: ({ report }) => <Labels labels={report.labels} />,
      sort: ({ report }) => Object.keys(report.labels).sort().join(" "),
      onPhone: false,
    },
    {
      id: "kind",
      title: title.kind,
      width: "5rem",
      cell: ({ report }) => <span className="quiet">{t.fleet.kinds[report.kind]}</span>,
      sort: ({ report }) => report.kind,
      onPhone: false,
    },
    {
      id: "seen",
      title: title.seen,
      width: "6.5rem",
      cell: ({ report }) => (
        <span className="quiet">
          <Ago ms={report.last_seen_at_ms} />
        </span>
      ),
      sort: ({ report }) => report.last_seen_at_ms ?? 0,
      onPhone: false,
    },
    {
      id: "version",
      title: title.version,
      width: "4.5rem",
      cell: ({ report }) => <span className="quiet">{report.version ?? t.fleet.none}</span>,
      sort: ({ report }) => report.version ?? "",
      onPhone: false,
    },
  ];
}

function Unknown() {
  return (
    <span className="quiet" title={t.fleet.unknownTitle}>
      {t.fleet.unknown}
    </span>
  );
}

function Alarms({ row: { report, alarms } }: { row: FleetRow }) {
  if (alarms.count === 0) return <span className="quiet">{t.fleet.none}</span>;
  const word = severityWord(alarms.worst);
  const severity = t.fleet.severity[word];
  return (
    <a
      className="fleet-plain"
      href={address(["alarms"], { device: report.device })}
      title={t.fleet.alarmsTitle(alarms.count, severity, alarms.unacknowledged)}
    >
      <Status tone={SEVERITY_TONES[word]} data-testid="device-alarms" data-count={alarms.count}>
        {t.fleet.alarmsWords(alarms.count, severity)}
      </Status>
    </a>
  );
}

function Run({ device, runs }: { device: string; runs: readonly ActiveRun[] }) {
  const [first] = runs;
  if (!first) return <span className="quiet">{t.fleet.none}</span>;
  return (
    <span className="fleet-run" data-testid="device-run" data-status={first.status}>
      <a href={address(["devices", device, "runs", first.run])}>{first.flow}</a>{" "}
      <Status tone={TONES[first.status]}>{t.fleet.runStatus[first.status]}</Status>
      {runs.length > 1 && <span className="quiet"> {t.fleet.moreRuns(runs.length - 1)}</span>}
    </span>
  );
}

function Labels({ labels }: { labels: Readonly<Record<string, string>> }) {
  const names = Object.keys(labels).sort();
  return (
    <span className="fleet-labels">
      {names.map((name) => {
        const value = labels[name] ?? "";
        const selector = selectorOf(name, value);
        const text = labelText(name, value);
        return selector ? (
          <a key={name} href={address(["devices"], { labels: selector })}>
            {text}
          </a>
        ) : (
          <span key={name}>{text}</span>
        );
      })}
    </span>
  );
}
