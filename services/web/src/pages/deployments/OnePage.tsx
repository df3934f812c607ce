/** One deployment: how it stands and why, how far it is, and what can be done about it. */

import { useMemo } from "react";
import { useAsk, useMay, useScope } from "../../app/asking";
import { address, go, type PageProps } from "../../app/routes";
import {
  CREATE_DEPLOYMENT,
  type DeploymentReport,
  type HistoryEntry,
  LIST_RELEASES,
} from "../../contract";
import { wavesOf } from "../../deployments/progress";
import { awaitsApproval, hasEnded, saidIn } from "../../deployments/standing";
import { standingText } from "../../deployments/words";
import { t } from "../../texts";
import { Button, PageHead, Panel, Problem, Quiet, Tabs } from "../../ui/basics";
import { useNow } from "../../ui/hooks";
import { Bar } from "./Bar";
import { Deeds } from "./Deeds";
import { Happened } from "./Happened";
import { Health } from "./Health";
import { Plan } from "./Plan";
import { Standing } from "./Standing";
import { StatusCounts, TargetTable } from "./TargetTable";
import { useDeployment } from "./useDeployment";
import { Expected, WaveTable } from "./WaveTable";
import "./deployments.css";

const words = t.deployments;
const PLACE = { name: words.title, href: "#/deployments" };
const TABS = ["devices", "history", "plan"] as const;

export default function OnePage({ ids, query }: PageProps) {
  const id = ids.deployment ?? "";
  const { whole, report, history, problem, isStale } = useDeployment(id);
  const waves = useMemo(
    () => (whole ? wavesOf(whole.report, whole.targets, history) : []),
    [whole, history],
  );
  if (!whole || !report) {
    return (
      <>
        <PageHead title={id} place={PLACE} />
        <Panel>{problem ? <Problem>{problem}</Problem> : <Quiet>{t.ui.loading}</Quiet>}</Panel>
      </>
    );
  }
  const { targets } = whole;
  const tab = TABS.find((one) => one === query.get("tab")) ?? "devices";
  const hasBegun = report.started_at_ms !== null;
  return (
    <div className="deployments-part" data-testid="deployment" data-deployment={id}>
      <PageHead
        title={words.release(report.flow, report.version)}
        place={PLACE}
        note={<span className="mono">{id}</span>}
      >
        <Deeds report={report} said={saidIn(history)} />
      </PageHead>
      {problem && <Problem>{problem}</Problem>}
      <Panel isStale={isStale}>
        <StandingPanel report={report} history={history} query={query} />
      </Panel>
      <div className="deployments-columns">
        <Panel title={words.one.waves} isStale={isStale} className="deployments-waves">
          {hasBegun ? (
            <WaveTable report={whole.report} waves={waves} />
          ) : (
            <Expected report={report} />
          )}
        </Panel>
        <Health report={whole.report} waves={waves} />
      </div>
      <Tabs
        label={words.one.parts}
        tabs={TABS.map((one) => ({
          name: words.one[one],
          href: address(["deployments", id], { tab: one === "devices" ? null : one }),
          isOpen: tab === one,
        }))}
      />
      <Panel isStale={isStale}>
        {tab === "devices" && <TargetTable hasBegun={hasBegun} targets={targets} query={query} />}
        {tab === "history" && <Happened history={history} query={query} />}
        {tab === "plan" && <Plan report={report} />}
      </Panel>
    </div>
  );
}

interface StandingProps {
  readonly report: DeploymentReport;
  readonly history: readonly HistoryEntry[];
  readonly query: URLSearchParams;
}

function StandingPanel({ report, history, query }: StandingProps) {
  const { session } = useScope();
  const now = useNow(hasEnded(report.status) ? 0 : 1_000);
  const said = saidIn(history);
  const isMine = report.created_by === session.user;
  return (
    <div className="deployments-standing">
      <div className="deployments-sentence">
        <Standing report={report} />
        <span data-testid="deployment-why">{standingText(report, now, said)}</span>
        {awaitsApproval(report) && isMine && (
          <span className="quiet" data-testid="needs-others">
            {words.standing.others}
          </span>
        )}
      </div>
      {report.note && <p className="quiet">{report.note}</p>}
      <span className="deployments-large">
        <Bar counts={report.counts} label={words.one.devices} />
      </span>
      <StatusCounts counts={report.counts} total={report.total} query={query} />
      {hasEnded(report.status) && <AfterEnd report={report} />}
    </div>
  );
}

/** What is left to do once it has ended: another deployment. */
function AfterEnd({ report }: { readonly report: DeploymentReport }) {
  const mayCreate = useMay(CREATE_DEPLOYMENT);
  const { data } = useAsk(LIST_RELEASES, { flow: report.flow }, { isWanted: mayCreate });
  const before = data?.releases.find(({ version }) => version < report.version);
  const again = (version: number) =>
    go(address(["deployments", "new"], { like: report.deployment, version }));
  return (
    <>
      <p className="quiet" data-testid="settled">
        {report.status === "completed" ? words.standing.settled : words.standing.ended}
      </p>
      {mayCreate && (
        <div className="buttons">
          {before && report.status !== "rolled_back" && (
            <Button onClick={() => again(before.version)} data-testid="deploy-before">
              {words.one.deployBefore(before.version)}
            </Button>
          )}
          <Button onClick={() => again(report.version)} data-testid="deploy-again">
            {words.one.again}
          </Button>
        </div>
      )}
    </>
  );
}
