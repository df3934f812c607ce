/** All flows of the project, and how far each is in its life. */

import { type ReactNode, useMemo, useState } from "react";
import { useAsk, useMay } from "../../app/asking";
import { address, go, type PageProps, replaceQuery } from "../../app/routes";
import {
  ARCHIVE_FLOW,
  CLONE_FLOW,
  DELETE_FLOW,
  FlowStage,
  type FlowSummary,
  LIST_FLOWS,
  RESTORE_FLOW,
  SAVE_FLOW,
} from "../../contract";
import { t } from "../../texts";
import { Ago, Button, PageHead, Panel, Problem, Quiet, Search } from "../../ui/basics";
import { type Column, Table } from "../../ui/Table";
import { CloneFlow, ImportFlow, NewFlow, RemoveFlows } from "./dialogs";
import { Stage } from "./Stage";
import { useDeeds } from "./useDeeds";
import "./flows.css";

const words = t.flows.list;
const LOOK_EVERY_MS = 15_000;

const COLUMNS: readonly Column<FlowSummary>[] = [
  {
    id: "flow",
    title: words.flow,
    cell: ({ flow, name }) => (
      <>
        <a href={address(["flows", flow])}>{name || flow}</a>{" "}
        {name !== "" && name !== flow && <span className="quiet flows-id">{flow}</span>}
      </>
    ),
    sort: ({ flow, name }) => name || flow,
    width: "minmax(9rem, 2fr)",
  },
  {
    id: "stage",
    title: words.standing,
    cell: ({ stage }) => <Stage stage={stage} />,
    sort: ({ stage }) => stage,
    width: "7rem",
  },
  {
    id: "version",
    title: words.version,
    cell: ({ version }) => version,
    sort: ({ version }) => version,
    width: "4.5rem",
    align: "right",
    onPhone: false,
  },
  {
    id: "released",
    title: words.released,
    cell: ({ published_version }) => published_version ?? words.neverReleased,
    sort: ({ published_version }) => published_version ?? 0,
    width: "5rem",
    align: "right",
    onPhone: false,
  },
  {
    id: "labels",
    title: words.labels,
    cell: ({ labels }) => labels.join(", "),
    onPhone: false,
  },
  {
    id: "changed",
    title: words.changed,
    cell: ({ saved_at_ms, saved_by }) => (
      <>
        <Ago ms={saved_at_ms} /> <span className="quiet">{words.by(saved_by)}</span>
      </>
    ),
    sort: ({ saved_at_ms }) => saved_at_ms,
    width: "minmax(6rem, 1fr)",
    onPhone: false,
  },
];

export default function FlowsPage({ query }: PageProps) {
  const [search, label] = [query.get("q") ?? "", query.get("label")];
  const stage = Object.values(FlowStage).find((one) => one === query.get("stage")) ?? null;
  const { data, problem, isStale } = useAsk(
    LIST_FLOWS,
    { search, label, stage },
    { keeps: true, everyMs: LOOK_EVERY_MS },
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<"new" | "import" | null>(null);
  const maySave = useMay(SAVE_FLOW);
  const flows = data?.flows ?? [];
  const selected = flows.filter(({ flow }) => chosen.has(flow));
  const filter = (change: Readonly<Record<string, string | null>>) =>
    replaceQuery({ q: search, label, stage, ...change });
  const isFiltered = Boolean(search || label || stage);
  return (
    <>
      <PageHead title={t.flows.title}>
        {maySave && (
          <>
            <Button onClick={() => setAsked("import")} data-testid="to-import">
              {words.importFile}
            </Button>
            <Button look="primary" onClick={() => setAsked("new")} data-testid="to-new">
              {words.add}
            </Button>
          </>
        )}
      </PageHead>
      <Panel isStale={isStale} name="flows">
        <div className="filters">
          <Search
            value={search}
            label={words.search}
            onChange={(q) => filter({ q })}
            name="flow-search"
          />
          <select
            aria-label={words.stageFilter}
            value={stage ?? ""}
            onChange={({ target }) => filter({ stage: target.value })}
            data-testid="flow-filter-stage"
          >
            <option value="">{words.current}</option>
            {Object.values(FlowStage).map((one) => (
              <option key={one} value={one}>
                {t.flows.stage[one]}
              </option>
            ))}
          </select>
          <LabelChoice label={label} onChange={(one) => filter({ label: one })} />
        </div>
        <SelectionBar selected={selected} onDone={() => setChosen(new Set())} />
        {problem && <Problem>{problem}</Problem>}
        {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
        {data && flows.length === 0 && (
          <Nothing isFiltered={isFiltered} onClear={() => replaceQuery({})} />
        )}
        {flows.length > 0 && (
          <Table
            label={t.flows.title}
            name="flow"
            columns={COLUMNS}
            rows={flows}
            keyOf={({ flow }) => flow}
            data={({ flow, stage, version }) => ({
              "data-flow": flow,
              "data-stage": stage,
              "data-version": version,
            })}
            onOpen={({ flow }) => go(address(["flows", flow]))}
            selected={new Set(selected.map(({ flow }) => flow))}
            onSelect={setChosen}
          />
        )}
        {data?.more && <Quiet>{words.isCut(flows.length)}</Quiet>}
      </Panel>
      {asked === "new" && <NewFlow onClose={() => setAsked(null)} />}
      {asked === "import" && <ImportFlow onClose={() => setAsked(null)} />}
    </>
  );
}

function Nothing({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  if (!isFiltered) return <Quiet name="no-flows">{words.none}</Quiet>;
  return (
    <p className="flows-foot quiet" data-testid="no-flows">
      {words.noneFits} <Button onClick={onClear}>{words.clear}</Button>
    </p>
  );
}

/** The labels in use; the chosen one stays even if nothing has it any more. */
function LabelChoice({
  label,
  onChange,
}: {
  readonly label: string | null;
  readonly onChange: (label: string) => void;
}) {
  const { data } = useAsk(LIST_FLOWS, {});
  const known = useMemo(() => {
    const used = (data?.flows ?? []).flatMap(({ labels }) => labels);
    return [...new Set([...used, ...(label ? [label] : [])])].sort();
  }, [data, label]);
  if (known.length === 0) return null;
  return (
    <select
      aria-label={words.label}
      value={label ?? ""}
      onChange={({ target }) => onChange(target.value)}
      data-testid="flow-filter-label"
    >
      <option value="">{words.anyLabel}</option>
      {known.map((one) => (
        <option key={one} value={one}>
          {one}
        </option>
      ))}
    </select>
  );
}

/** What can be done with the selected flows, and with one alone. */
function SelectionBar({
  selected,
  onDone,
}: {
  readonly selected: readonly FlowSummary[];
  readonly onDone: () => void;
}) {
  const deeds = useDeeds();
  const [asked, setAsked] = useState<"clone" | "remove" | null>(null);
  const [mayArchive, mayRestore] = [useMay(ARCHIVE_FLOW), useMay(RESTORE_FLOW)];
  const [mayClone, mayRemove] = [useMay(CLONE_FLOW), useMay(DELETE_FLOW)];
  const [only] = selected;
  if (!only) return null;
  const ids = selected.map(({ flow }) => flow);
  const areArchived = selected.every(({ stage }) => stage === "archived");
  const areDrafts = selected.every(({ published_version }) => published_version === null);
  const done = (isDone: boolean) => isDone && onDone();
  const button = (name: string, text: ReactNode, act: () => void, isOffered = true) =>
    isOffered && (
      <Button onClick={act} isBusy={deeds.busy === name} data-testid={`flow-${name}`}>
        {text}
      </Button>
    );
  return (
    <div className="flows-bar" data-testid="flow-deeds">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms */}
      <div role="group" className="buttons" aria-label={words.deeds}>
        <span>{t.ui.selected(selected.length)}</span>
        {button("download", t.flows.deed.download, () => void deeds.download(ids))}
        {button(
          "clone",
          t.flows.deed.clone,
          () => setAsked("clone"),
          mayClone && selected.length === 1,
        )}
        {button(
          "archive",
          t.flows.deed.archive,
          () => void deeds.archive(ids).then(done),
          mayArchive && !areArchived,
        )}
        {button(
          "restore",
          t.flows.deed.restore,
          () => void deeds.restore(ids).then(done),
          mayRestore && areArchived,
        )}
        {button("remove", t.flows.deed.remove, () => setAsked("remove"), mayRemove && areDrafts)}
      </div>
      {deeds.problem && asked === null && <Problem>{deeds.problem}</Problem>}
      {asked === "clone" && <CloneFlow {...only} onClose={() => setAsked(null)} />}
      {asked === "remove" && (
        <RemoveFlows flows={ids} deeds={deeds} onClose={() => setAsked(null)} onDone={onDone} />
      )}
    </div>
  );
}
