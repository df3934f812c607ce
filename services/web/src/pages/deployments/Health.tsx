/** What is looked at to call a device well, and how near the deployment is to its stop. */

import { memo } from "react";
import type { DeploymentReport } from "../../contract";
import type { Wave } from "../../deployments/progress";
import { hasEnded } from "../../deployments/standing";
import { percentText } from "../../deployments/words";
import { t } from "../../texts";
import { Facts, Panel } from "../../ui/basics";

const words = t.deployments.one;

interface Props {
  readonly report: DeploymentReport;
  readonly waves: readonly Wave[];
}

export const Health = memo(function Health({ report, waves }: Props) {
  const { config, strategy, started_at_ms } = report;
  const wave = waves.find((one) => one.wave === report.wave);
  const facts: (readonly [string, React.ReactNode])[] = [];
  if (wave && started_at_ms !== null && !hasEnded(report.status)) {
    facts.push([
      words.limitName,
      <span
        key="now"
        className={wave.failures > 0 ? "deployments-bad" : undefined}
        data-testid="failure-limit"
        data-failures={wave.failures}
        data-stops-at={wave.stopsAt}
      >
        {words.limit(wave.failures, wave.stopsAt, wave.size, wave.wave + 1)}
      </span>,
    ]);
  }
  const percent = percentText(config.failure_threshold);
  const isCanary = strategy === "canary";
  facts.push(
    [words.threshold, isCanary ? words.thresholdOfCanary(percent) : words.thresholdOf(percent)],
    [words.onFailure, config.auto_rollback ? words.rollsBack : words.halts],
    [words.watch, config.health_check ? words.watched(String(config.watch)) : words.notWatched],
  );
  if (config.health_check) facts.push([words.watchedFor, words.checks]);
  if (config.check) facts.push([words.check, <code key="check">{config.check}</code>]);
  return (
    <Panel title={words.health} name="deployment-health" className="deployments-health">
      <Facts facts={facts} />
    </Panel>
  );
});
