/** Every version of a flow as its author saved it. */

import { useMemo, useState } from "react";
import { useAsk, useMay } from "../../app/asking";
import { address } from "../../app/routes";
import { type FlowVersion, LIST_VERSIONS, SAVE_FLOW, type VersionSummary } from "../../contract";
import { t } from "../../texts";
import { Button, Moment, Panel, Problem, Quiet } from "../../ui/basics";
import { type Column, Table } from "../../ui/Table";
import { RestoreVersion } from "./dialogs";

const words = t.flows.versions;
const LOOK_EVERY_MS = 15_000;

export function Versions({ newest }: { readonly newest: FlowVersion }) {
  const { flow, stage } = newest;
  const { data, problem, isStale } = useAsk(LIST_VERSIONS, { flow }, { everyMs: LOOK_EVERY_MS });
  const [restored, setRestored] = useState<number | null>(null);
  const mayRestore = useMay(SAVE_FLOW) && stage !== "archived";
  const columns = useMemo(
    () => columnsOf(flow, data?.versions ?? [], mayRestore ? setRestored : null),
    [flow, data, mayRestore],
  );
  return (
    <Panel title={words.title} isStale={isStale}>
      {problem && <Problem>{problem}</Problem>}
      {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
      {data && (
        <Table
          label={words.title}
          name="version"
          columns={columns}
          rows={data.versions}
          keyOf={({ version }) => String(version)}
          data={({ version, published }) => ({
            "data-version": version,
            "data-published": published,
          })}
        />
      )}
      {restored !== null && (
        <RestoreVersion newest={newest} version={restored} onClose={() => setRestored(null)} />
      )}
    </Panel>
  );
}

function columnsOf(
  flow: string,
  versions: readonly VersionSummary[], // newest first
  onRestore: ((version: number) => void) | null,
): readonly Column<VersionSummary>[] {
  const newest = versions[0]?.version;
  const before = (version: number) => versions.find((one) => one.version < version)?.version;
  return [
    {
      id: "version",
      title: words.version,
      cell: ({ version }) => (
        <a href={address(["flows", flow], { version: version === newest ? null : version })}>
          {version}
        </a>
      ),
      sort: ({ version }) => version,
      width: "3.4rem",
    },
    {
      id: "saved",
      title: words.saved,
      cell: ({ saved_at_ms }) => <Moment ms={saved_at_ms} />,
      sort: ({ saved_at_ms }) => saved_at_ms,
      width: "minmax(4.5rem, 12rem)",
    },
    { id: "by", title: words.by, cell: ({ saved_by }) => saved_by, onPhone: false },
    {
      id: "release",
      title: words.release,
      cell: ({ published }) => (published ? words.isRelease : ""),
      sort: ({ published }) => Number(published),
      width: "4.2rem",
    },
    {
      id: "changes",
      title: words.against,
      cell: ({ version }) =>
        before(version) !== undefined && (
          <a
            href={address(["flows", flow], {
              tab: "changes",
              before: before(version),
              after: version,
            })}
          >
            {words.diff}
          </a>
        ),
      onPhone: false,
    },
    {
      id: "deeds",
      title: words.deeds,
      cell: ({ version }) =>
        onRestore &&
        version !== newest && (
          <Button onClick={() => onRestore(version)} data-testid="version-restore">
            {words.restore}
          </Button>
        ),
      width: "5.6rem",
    },
  ];
}
