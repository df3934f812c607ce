/** All deployments of the project: how far each is, and why it stands there. */

import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useAsk, useHear, useLink, useMay } from "../../app/asking";
import { address, go, type PageProps, replaceQuery } from "../../app/routes";
import {
  CREATE_DEPLOYMENT,
  DEPLOYMENT_MOVED,
  type DeploymentList,
  type DeploymentMoved,
  type DeploymentReport,
  DeploymentStatus,
  LIST_DEPLOYMENTS,
  LIST_FLOWS,
} from "../../contract";
import { endedOf } from "../../deployments/progress";
import { awaitsApproval, moved } from "../../deployments/standing";
import { sentence, standingText } from "../../deployments/words";
import { t } from "../../texts";
import { Button, Moment, PageHead, Panel, Problem, Quiet, Search } from "../../ui/basics";
import { useNow } from "../../ui/hooks";
import { type Column, Table } from "../../ui/Table";
import { LinkLost, sentenceOf } from "../../wamp/errors";
import { Bar } from "./Bar";
import { Standing } from "./Standing";
import { useConflated } from "./useConflated";
import "./deployments.css";

const words = t.deployments.list;
const PER_PAGE = 100;
const LOOK_EVERY_MS = 2_000;
const LOOK_ANYWAY_MS = 30_000;

export default function DeploymentsPage({ query }: PageProps) {
  const [flow, status] = [query.get("flow"), statusIn(query.get("status"))];
  const search = query.get("q") ?? "";
  const { pages, deployments, problem, isStale, isMore, older } = useDeployments(flow, status);
  const mayCreate = useMay(CREATE_DEPLOYMENT);
  const now = useNow(5_000);
  const columns = useMemo(() => columnsAt(now), [now]);
  const shown = useMemo(
    () => deployments.filter((one) => fits(one, search)),
    [deployments, search],
  );
  const filter = (change: Readonly<Record<string, string | null>>) =>
    replaceQuery({ flow, status, q: search, ...change });
  return (
    <>
      <PageHead title={t.deployments.title}>
        {mayCreate && (
          <Button look="primary" onClick={() => go("#/deployments/new")} data-testid="to-new">
            {words.create}
          </Button>
        )}
      </PageHead>
      <Panel isStale={isStale} name="deployments">
        <div className="filters">
          <Search
            value={search}
            label={words.search}
            onChange={(q) => filter({ q })}
            name="deployment-search"
          />
          <FlowChoice flow={flow} onChange={(chosen) => filter({ flow: chosen })} />
          <select
            aria-label={words.status}
            value={status ?? ""}
            onChange={({ target }) => filter({ status: target.value })}
            data-testid="deployment-filter-status"
          >
            <option value="">{words.anyStatus}</option>
            {Object.values(DeploymentStatus).map((one) => (
              <option key={one} value={one}>
                {t.deployments.status[one]}
              </option>
            ))}
          </select>
        </div>
        {problem && <Problem>{problem}</Problem>}
        {pages === null && !problem && <Quiet>{t.ui.loading}</Quiet>}
        {pages !== null && shown.length === 0 && (
          <Nothing
            isFiltered={Boolean(flow || status || search)}
            onClear={() => replaceQuery({})}
          />
        )}
        {shown.length > 0 && (
          <>
            <Table
              label={t.deployments.title}
              name="deployment"
              columns={columns}
              rows={shown}
              keyOf={({ deployment }) => deployment}
              data={({ deployment, status }) => ({
                "data-deployment": deployment,
                "data-status": status,
              })}
              onOpen={({ deployment }) => go(address(["deployments", deployment]))}
            />
            <p className="deployments-foot quiet">
              {words.shown(shown.length, isMore)}{" "}
              {isMore && <Button onClick={older}>{words.older}</Button>}
            </p>
          </>
        )}
      </Panel>
    </>
  );
}

function Nothing({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  if (!isFiltered) return <Quiet name="no-deployments">{words.none}</Quiet>;
  return (
    <p className="deployments-foot quiet">
      {words.noneFits} <Button onClick={onClear}>{words.clear}</Button>
    </p>
  );
}

function FlowChoice({
  flow,
  onChange,
}: {
  readonly flow: string | null;
  readonly onChange: (flow: string) => void;
}) {
  const { data } = useAsk(LIST_FLOWS, {});
  const flows = (data?.flows ?? []).filter((one) => one.published_version !== null);
  const ids = [...new Set([...flows.map((one) => one.flow), ...(flow ? [flow] : [])])];
  return (
    <select
      aria-label={words.flow}
      value={flow ?? ""}
      onChange={({ target }) => onChange(target.value)}
      data-testid="deployment-filter-flow"
    >
      <option value="">{words.anyFlow}</option>
      {ids.map((id) => (
        <option key={id} value={id}>
          {id}
        </option>
      ))}
    </select>
  );
}

function statusIn(text: string | null): DeploymentStatus | null {
  return Object.values(DeploymentStatus).find((one) => one === text) ?? null;
}

function fits(report: DeploymentReport, search: string): boolean {
  const { deployment, flow, note, created_by, detail } = report;
  const text = `${deployment} ${flow} ${note} ${created_by} ${detail}`.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function columnsAt(now: number): readonly Column<DeploymentReport>[] {
  const { columns } = words;
  return [
    {
      id: "release",
      title: columns.release,
      cell: ({ deployment, flow, version, note }) => (
        <a href={address(["deployments", deployment])} title={note || undefined}>
          {t.deployments.release(flow, version)}
        </a>
      ),
      sort: ({ flow, version }) => `${flow} ${version}`,
      width: "minmax(5rem, 1.2fr)",
    },
    {
      id: "status",
      title: columns.status,
      cell: (report) => <Standing report={report} />,
      sort: ({ status }) => status,
      width: "7.2rem",
    },
    {
      id: "progress",
      title: columns.progress,
      cell: ({ counts, total }) => (
        <span className="deployments-progress">
          <Bar counts={counts} />
          <span>{t.deployments.done(endedOf(counts), total)}</span>
        </span>
      ),
      sort: ({ total }) => total,
      width: "minmax(6.5rem, 11rem)",
    },
    {
      id: "strategy",
      title: columns.strategy,
      cell: ({ strategy }) => t.deployments.strategy[strategy],
      sort: ({ strategy }) => strategy,
      width: "6rem",
      onPhone: false,
    },
    {
      id: "made",
      title: columns.made,
      cell: ({ created_at_ms }) => <Moment ms={created_at_ms} />,
      sort: ({ created_at_ms }) => created_at_ms,
      width: "6rem",
      onPhone: false,
    },
    {
      id: "by",
      title: columns.by,
      cell: ({ created_by }) => created_by,
      sort: ({ created_by }) => created_by,
      width: "minmax(4rem, 0.5fr)",
      onPhone: false,
    },
    {
      id: "why",
      title: columns.why,
      cell: (report) => <Why report={report} now={now} />,
      width: "minmax(0, 2.2fr)",
      onPhone: false,
    },
  ];
}

/** In a list only what is not as usual is worth a sentence. */
function Why({ report, now }: { report: DeploymentReport; now: number }) {
  const isWaiting = report.status === "pending" || awaitsApproval(report);
  const text = isWaiting ? standingText(report, now) : sentence(report.detail);
  return <span title={text}>{text}</span>;
}

function useDeployments(flow: string | null, status: DeploymentStatus | null) {
  const link = useLink();
  const client = useQueryClient();
  const key = [LIST_DEPLOYMENTS.uri, "pages", flow, status];
  const found = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam: before }) => {
      if (!link) throw new LinkLost();
      return link.call(LIST_DEPLOYMENTS, { flow, status, before, most: PER_PAGE });
    },
    initialPageParam: "",
    getNextPageParam: (page) => (page.more ? page.deployments.at(-1)?.deployment : undefined),
    enabled: link !== null,
    refetchInterval: LOOK_ANYWAY_MS,
  });
  const [moves, setMoves] = useState<ReadonlyMap<string, DeploymentMoved>>(new Map());
  const look = useConflated(
    () => client.invalidateQueries({ queryKey: [LIST_DEPLOYMENTS.uri] }, { cancelRefetch: false }),
    LOOK_EVERY_MS,
  );
  useHear(DEPLOYMENT_MOVED, (event) => {
    setMoves((known) => new Map(known).set(event.deployment, event));
    look();
  });
  const pages: readonly DeploymentList[] | null = found.data?.pages ?? null;
  const deployments = useMemo(
    () =>
      (pages ?? [])
        .flatMap((page) => page.deployments)
        .map((one) => moved(one, moves.get(one.deployment))),
    [pages, moves],
  );
  return {
    pages,
    deployments,
    problem: found.error ? sentenceOf(found.error) : null,
    isStale: link === null || found.error !== null,
    isMore: found.hasNextPage,
    older: () => void found.fetchNextPage(),
  };
}
