/** The plan as it was made: nothing of it changes any more. */

import type { ReactNode } from "react";
import { address } from "../../app/routes";
import type { DeploymentReport } from "../../contract";
import { strategyText, targetsText, windowText } from "../../deployments/words";
import { t } from "../../texts";
import { Facts, Moment } from "../../ui/basics";

const words = t.deployments.one;

export function Plan({ report }: { readonly report: DeploymentReport }) {
  return (
    <div data-testid="deployment-plan">
      <Facts facts={factsOf(report)} />
    </div>
  );
}

function factsOf(report: DeploymentReport): readonly (readonly [string, ReactNode])[] {
  const { flow, version, targets, config } = report;
  const { facts } = words;
  const moments = [
    [facts.started, report.started_at_ms],
    [facts.ended, report.ended_at_ms],
  ] as const;
  return [
    [
      facts.release,
      <a key="release" href={address(["flows", flow], { version })}>
        {t.deployments.release(flow, version)}
      </a>,
    ],
    [
      facts.hash,
      <span key="hash" className="mono">
        {report.content_hash.slice(0, 12)}
      </span>,
    ],
    [facts.targets, targetsText(targets)],
    [facts.newcomers, targets.dynamic ? words.join : words.stayOut],
    [facts.strategy, strategyText(report)],
    [facts.timeout, String(config.timeout)],
    [facts.revert, String(config.revert_timeout)],
    [facts.inFlight, config.max_in_flight === 0 ? words.noLimit : String(config.max_in_flight)],
    [facts.retries, String(config.retries)],
    [facts.catchUp, config.catch_up ? words.catchesUp : words.staysOut],
    ...(config.windows.length > 0
      ? [[facts.windows, config.windows.map(windowText).join("; ")] as const]
      : []),
    [facts.approval, approvalOf(report)],
    [facts.runs, t.deployments.activeRuns[report.active_runs]],
    [facts.startRun, report.start_run ? words.started : words.notStarted],
    ...(report.note ? [[facts.note, report.note] as const] : []),
    [
      facts.made,
      <span key="made">
        <Moment ms={report.created_at_ms} />, {report.created_by}
      </span>,
    ],
    ...(report.start_at_ms !== null
      ? [[facts.begins, <Moment key="begins" ms={report.start_at_ms} />] as const]
      : []),
    ...moments
      .filter(([, ms]) => ms !== null)
      .map(([name, ms]) => [name, <Moment key={name} ms={ms} />] as const),
  ];
}

function approvalOf({ config, approved_by }: DeploymentReport): string {
  if (approved_by !== null) return words.approvedBy(approved_by);
  return config.needs_approval ? words.needed : words.notNeeded;
}
