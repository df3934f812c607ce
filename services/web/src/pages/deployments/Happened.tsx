/** What happened in a deployment, newest first. */

import { memo, useMemo } from "react";
import { address, replaceQuery } from "../../app/routes";
import type { HistoryEntry } from "../../contract";
import { happenedText } from "../../deployments/words";
import { t } from "../../texts";
import { Moment, Quiet } from "../../ui/basics";
import { type Column, Table } from "../../ui/Table";

const words = t.deployments.one;

const COLUMNS: readonly Column<HistoryEntry>[] = [
  {
    id: "at",
    title: words.historyColumns.at,
    cell: ({ at_ms }) => <Moment ms={at_ms} />,
    sort: ({ number }) => number,
    width: "minmax(4.5rem, 9rem)",
  },
  {
    id: "what",
    title: words.historyColumns.what,
    cell: (entry) => (
      <>
        {entry.device === null ? <strong>{happenedText(entry)}</strong> : happenedText(entry)}
        <div className="deployments-phone">
          {[entry.by, entry.detail].filter(Boolean).join(": ")}
        </div>
      </>
    ),
    sort: (entry) => happenedText(entry),
    width: "minmax(5rem, 8rem)",
  },
  {
    id: "device",
    title: words.historyColumns.device,
    cell: ({ device }) => device !== null && <a href={address(["devices", device])}>{device}</a>,
    sort: ({ device }) => device ?? "",
    width: "minmax(5rem, 1fr)",
  },
  {
    id: "detail",
    title: words.historyColumns.detail,
    cell: ({ detail }) => <span title={detail}>{detail}</span>,
    width: "minmax(0, 3fr)",
    onPhone: false,
  },
  {
    id: "by",
    title: words.historyColumns.by,
    cell: ({ by }) => by,
    sort: ({ by }) => by,
    width: "minmax(0, 6rem)",
    onPhone: false,
  },
];

interface Props {
  readonly history: readonly HistoryEntry[];
  readonly query: URLSearchParams;
}

export const Happened = memo(function Happened({ history, query }: Props) {
  const isWhole = query.get("of") === "whole";
  const shown = useMemo(
    () => history.filter(({ device }) => !isWhole || device === null).toReversed(),
    [history, isWhole],
  );
  return (
    <>
      <div className="filters">
        <select
          aria-label={words.what}
          value={isWhole ? "whole" : ""}
          onChange={({ target }) =>
            replaceQuery({ ...Object.fromEntries(query), of: target.value })
          }
          data-testid="history-filter"
        >
          <option value="">{words.everything}</option>
          <option value="whole">{words.ofWhole}</option>
        </select>
      </div>
      {shown.length === 0 && <Quiet>{words.nothingYet}</Quiet>}
      {shown.length > 0 && (
        <Table
          label={words.history}
          name="happened"
          columns={COLUMNS}
          rows={shown}
          keyOf={({ number }) => String(number)}
          data={({ what, by }) => ({ "data-what": what, "data-by": by })}
        />
      )}
    </>
  );
});
