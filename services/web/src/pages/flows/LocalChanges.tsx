/** Changes of this flow that were made on devices, and what became of them. */

import { useAsk } from "../../app/asking";
import { address } from "../../app/routes";
import { LIST_LOCAL_CHANGES, type LocalChange } from "../../contract";
import { t } from "../../texts";
import { Moment, Panel, Problem, Quiet, Status } from "../../ui/basics";
import { type Column, Table } from "../../ui/Table";

const words = t.flows.local;
const LOOK_EVERY_MS = 15_000;

const COLUMNS: readonly Column<LocalChange>[] = [
  {
    id: "device",
    title: words.device,
    cell: ({ device }) => <a href={address(["devices", device])}>{device}</a>,
    sort: ({ device }) => device,
  },
  { id: "what", title: words.what, cell: ({ kind }) => words[kind], onPhone: false },
  {
    id: "base",
    title: words.base,
    cell: ({ base }) => (base > 0 ? t.flows.one.version(base) : t.flows.one.nothing),
    onPhone: false,
  },
  {
    id: "outcome",
    title: words.outcome,
    cell: (one) =>
      one.outcome === "conflict" ? (
        <Status tone="act">{words.conflict(one.version)}</Status>
      ) : one.kind === "removed" ? (
        words.removalTaken
      ) : (
        words.taken(one.version)
      ),
    width: "minmax(9rem, 1.5fr)",
  },
  {
    id: "changed",
    title: words.changed,
    cell: ({ changed_at_ms }) => <Moment ms={changed_at_ms} />,
    sort: ({ changed_at_ms }) => changed_at_ms,
    width: "minmax(6rem, 11rem)",
  },
];

export function LocalChanges({ flow }: { readonly flow: string }) {
  const { data, problem, isStale } = useAsk(
    LIST_LOCAL_CHANGES,
    { flow },
    { everyMs: LOOK_EVERY_MS },
  );
  const conflicts = data?.changes.filter(({ outcome }) => outcome === "conflict").length ?? 0;
  return (
    <Panel title={words.title} isStale={isStale} name="local-changes">
      {problem && <Problem>{problem}</Problem>}
      {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
      {data?.changes.length === 0 && <Quiet>{words.none}</Quiet>}
      {conflicts > 0 && (
        <p>
          <Status tone="act">{words.conflicts(conflicts)}</Status>{" "}
          <span className="quiet">{words.note}</span>
        </p>
      )}
      {data && data.changes.length > 0 && (
        <Table
          label={words.title}
          name="local-change"
          columns={COLUMNS}
          rows={data.changes}
          keyOf={({ device, change }) => `${device} ${change}`}
          data={({ device, outcome }) => ({ "data-device": device, "data-outcome": outcome })}
        />
      )}
    </Panel>
  );
}
