/** A deployment's or a target's status, in one word. */

import type { DeploymentReport, TargetReport } from "../../contract";
import { targetTone, toneOf } from "../../deployments/standing";
import { t } from "../../texts";
import { Status } from "../../ui/basics";

export function Standing({ report }: { readonly report: DeploymentReport }) {
  return (
    <Status
      tone={toneOf(report)}
      data-testid="deployment-status"
      data-status={report.status}
      data-deployment={report.deployment}
    >
      {t.deployments.status[report.status]}
    </Status>
  );
}

export function TargetStanding({ target }: { readonly target: TargetReport }) {
  const { status, caught_up } = target;
  return (
    <Status tone={targetTone(status)}>
      {t.deployments.target[status]}
      {caught_up && `, ${t.deployments.one.caughtUp}`}
    </Status>
  );
}
