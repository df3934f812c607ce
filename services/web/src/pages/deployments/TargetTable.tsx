/** The devices of a deployment, to be filtered by status and wave. */

import { memo, useMemo } from "react";
import { address, go, replaceQuery } from "../../app/routes";
import type { TargetReport } from "../../contract";
import { type Counts, sharesOf } from "../../deployments/progress";
import { TARGET_STATUSES } from "../../deployments/standing";
import { t } from "../../texts";
import { Button, Moment, Quiet, Search } from "../../ui/basics";
import { type Column, Table } from "../../ui/Table";
import { Bar } from "./Bar";
import { TargetStanding } from "./Standing";

const words = t.deployments.one;

/** Before it begins nobody is in a wave. */
const columnsOf = (hasBegun: boolean): readonly Column<TargetReport>[] => [
  {
    id: "device",
    title: words.deviceColumns.device,
    cell: ({ device, detail }) => (
      <>
        <a href={address(["devices", device])}>{device}</a>
        {detail && <div className="deployments-phone">{detail}</div>}
      </>
    ),
    sort: ({ device }) => device,
    width: "minmax(7rem, 1fr)",
  },
  {
    id: "wave",
    title: words.deviceColumns.wave,
    cell: ({ wave }) => (hasBegun ? wave + 1 : "–"),
    sort: ({ wave }) => wave,
    width: "3.5rem",
    align: "right",
    onPhone: false,
  },
  {
    id: "status",
    title: words.deviceColumns.status,
    cell: (target) => <TargetStanding target={target} />,
    sort: ({ status }) => TARGET_STATUSES.indexOf(status),
    width: "minmax(6.5rem, 9rem)",
  },
  {
    id: "since",
    title: words.deviceColumns.since,
    cell: ({ changed_at_ms }) => <Moment ms={changed_at_ms} />,
    sort: ({ changed_at_ms }) => changed_at_ms ?? 0,
    width: "minmax(4.5rem, 7rem)",
    onPhone: false,
  },
  {
    id: "tries",
    title: words.deviceColumns.tries,
    cell: ({ attempts }) => attempts || "",
    sort: ({ attempts }) => attempts,
    width: "3.5rem",
    align: "right",
    onPhone: false,
  },
  {
    id: "detail",
    title: words.deviceColumns.detail,
    cell: ({ detail }) => <span title={detail}>{detail}</span>,
    sort: ({ detail }) => detail,
    width: "minmax(0, 3fr)",
    onPhone: false,
  },
];

/** What filters the table keeps the rest of the address. */
const change = (query: URLSearchParams, to: Readonly<Record<string, string | null>>) =>
  replaceQuery({ ...Object.fromEntries(query), ...to });

/** How many devices came to what; a press shows only those. */
export function StatusCounts({
  counts,
  total,
  query,
}: {
  readonly counts: Counts;
  readonly total: number;
  readonly query: URLSearchParams;
}) {
  const chosen = query.get("status");
  return (
    <div className="deployments-counts">
      {sharesOf(counts).map(({ status, count }) => (
        <Button
          key={status}
          aria-pressed={chosen === status}
          onClick={() => change(query, { status: chosen === status ? null : status, tab: null })}
          data-testid="status-count"
          data-status={status}
          data-count={count}
        >
          <Bar counts={{ [status]: 1 }} />
          {t.deployments.share(count, t.deployments.target[status])}
        </Button>
      ))}
      {total === 0 && <Quiet>{t.deployments.counts([])}</Quiet>}
    </div>
  );
}

interface Props {
  readonly hasBegun: boolean;
  readonly targets: readonly TargetReport[];
  readonly query: URLSearchParams;
}

export const TargetTable = memo(function TargetTable({ hasBegun, targets, query }: Props) {
  const columns = useMemo(() => columnsOf(hasBegun), [hasBegun]);
  const [status, wave, search] = [query.get("status"), query.get("wave"), query.get("q") ?? ""];
  const shown = useMemo(
    () =>
      targets.filter(
        (one) =>
          (!status || one.status === status) &&
          (!wave || one.wave + 1 === Number(wave)) &&
          `${one.device} ${one.detail}`.toLowerCase().includes(search.toLowerCase()),
      ),
    [targets, status, wave, search],
  );
  return (
    <>
      <div className="filters">
        <Search
          value={search}
          label={words.search}
          onChange={(q) => change(query, { q })}
          name="target-search"
        />
        {(status || wave || search) && (
          <Button
            onClick={() => change(query, { status: null, wave: null, q: null })}
            data-testid="all-targets"
          >
            {t.deployments.list.clear}
          </Button>
        )}
        {wave && <span className="quiet">{words.onlyWave(Number(wave))}</span>}
      </div>
      {shown.length === 0 && <Quiet>{words.noDevice}</Quiet>}
      {shown.length > 0 && (
        <Table
          label={words.devices}
          name="target"
          columns={columns}
          rows={shown}
          keyOf={({ device }) => device}
          data={(one) => ({
            "data-device": one.device,
            "data-status": one.status,
            "data-wave": one.wave + 1,
          })}
          sortedBy="wave"
          onOpen={({ device }) => go(address(["devices", device]))}
        />
      )}
    </>
  );
});
