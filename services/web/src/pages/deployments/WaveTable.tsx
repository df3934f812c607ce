/** The waves of a deployment: how far each is, its failures, and when it was. */

import { memo, useMemo, useState } from "react";
import { useAsk } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { address } from "../../app/routes";
import { type DeploymentReport, PREVIEW_DEPLOYMENT } from "../../contract";
import { durationText } from "../../deployments/durations";
import { around, endedOf, type Wave } from "../../deployments/progress";
import { hasEnded } from "../../deployments/standing";
import { t } from "../../texts";
import { Button, Moment, Problem, Quiet } from "../../ui/basics";
import { useNow } from "../../ui/hooks";
import { type Column, Table } from "../../ui/Table";
import { Bar } from "./Bar";
import { WaveList } from "./WaveList";

const words = t.deployments.one;

interface Props {
  readonly report: DeploymentReport;
  readonly waves: readonly Wave[];
}

export const WaveTable = memo(function WaveTable({ report, waves }: Props) {
  const now = useNow(hasEnded(report.status) ? 0 : 1_000);
  const { deployment, started_at_ms, ended_at_ms } = report;
  const columns = useMemo(
    () => columnsOf(deployment, { fromMs: started_at_ms ?? now, toMs: ended_at_ms ?? now }),
    [deployment, started_at_ms, ended_at_ms, now],
  );
  const [isWhole, setWhole] = useState(false);
  const few = useMemo(() => around(waves, report.wave), [waves, report.wave]);
  return (
    <>
      <Table
        label={words.waves}
        name="wave"
        columns={columns}
        rows={isWhole ? waves : few}
        keyOf={({ wave }) => String(wave)}
        data={({ wave, isCurrent }) => ({ "data-wave": wave + 1, "data-current": isCurrent })}
      />
      {few.length < waves.length && (
        <div className="deployments-foot">
          <Button onClick={() => setWhole(!isWhole)} data-testid="all-waves">
            {isWhole ? words.fewWaves : words.allWaves(waves.length)}
          </Button>
        </div>
      )}
    </>
  );
});

interface Span {
  readonly fromMs: number;
  readonly toMs: number; // now, while it is under way
}

function columnsOf(deployment: string, whole: Span): readonly Column<Wave>[] {
  return [
    {
      id: "wave",
      title: words.wave,
      cell: ({ wave, isCurrent }) => (
        <a
          href={address(["deployments", deployment], { wave: wave + 1 })}
          aria-current={isCurrent ? "step" : undefined}
        >
          {isCurrent ? <strong>{wave + 1}</strong> : wave + 1}
        </a>
      ),
      width: "3rem",
    },
    {
      id: "progress",
      title: words.progress,
      cell: ({ counts, size }) => (
        <span className="deployments-progress">
          <Bar counts={counts} />
          <span>{t.deployments.done(endedOf(counts), size)}</span>
        </span>
      ),
      width: "minmax(6rem, 2fr)",
    },
    {
      id: "failures",
      title: words.failures,
      cell: ({ failures, stopsAt, size }) => (
        <span className={failures > 0 ? "deployments-bad" : "quiet"}>
          {words.failuresOf(failures, stopsAt, size)}
        </span>
      ),
      width: "minmax(5rem, 8rem)",
    },
    {
      id: "began",
      title: words.began,
      cell: ({ beganAtMs }) => <Moment ms={beganAtMs} />,
      width: "minmax(4.5rem, 6rem)",
      onPhone: false,
    },
    {
      id: "took",
      title: words.took,
      cell: ({ beganAtMs, endedAtMs, isCurrent }) => {
        const untilMs = endedAtMs ?? (isCurrent ? whole.toMs : null);
        return beganAtMs === null || untilMs === null ? "–" : durationText(untilMs - beganAtMs);
      },
      width: "4.5rem",
      onPhone: false,
    },
    {
      id: "when",
      title: words.when,
      cell: (wave) => <Lane wave={wave} whole={whole} />,
      width: "minmax(3rem, 1fr)",
      onPhone: false,
    },
  ];
}

/** When the wave was, on the line of the whole deployment. */
function Lane({ wave, whole }: { readonly wave: Wave; readonly whole: Span }) {
  const { beganAtMs, endedAtMs, isCurrent } = wave;
  if (beganAtMs === null) return null;
  const length = Math.max(1, whole.toMs - whole.fromMs);
  const percent = (ms: number) => Math.min(100, Math.max(0, (100 * ms) / length));
  const left = percent(beganAtMs - whole.fromMs);
  const width = percent((endedAtMs ?? whole.toMs) - beganAtMs);
  return (
    <span className="deployments-span" aria-hidden="true">
      <span
        className={isCurrent ? "current" : undefined}
        style={{ left: `${left}%`, width: `${Math.min(width, 100 - left)}%` }}
      />
    </span>
  );
}

/** Before it began: the waves as they would be now. */
export function Expected({ report }: { readonly report: DeploymentReport }) {
  const { targets, strategy, config } = report;
  const isWanted = !hasEnded(report.status);
  const { data, problem } = useAsk(
    PREVIEW_DEPLOYMENT,
    { targets, strategy, config },
    { isWanted, everyMs: 15_000 },
  );
  const { devices } = useDevices();
  const offline = new Set(
    (devices ?? []).filter(({ online }) => !online).map(({ device }) => device),
  );
  if (!isWanted) return <Quiet>{words.nothingYet}</Quiet>;
  return (
    <div className="deployments-preview">
      <Quiet>{words.notCut}</Quiet>
      {problem && <Problem>{problem}</Problem>}
      {data && <WaveList preview={data} offline={offline} />}
    </div>
  );
}
