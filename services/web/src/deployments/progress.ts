/** How far a deployment is: shares for bars, sums by wave, failures against their limit. Pure. */

import type {
  DeploymentReport,
  HistoryEntry,
  StrategyConfig,
  StrategyKind,
  TargetReport,
  TargetStatus,
} from "../contract";
import { hasEnded, isLive, TARGET_STATUSES } from "./standing";

export type Counts = Readonly<Partial<Record<string, number>>>;

export interface Share {
  readonly status: TargetStatus;
  readonly count: number;
}

/** The parts of a bar, in order; what there is none of is left out. */
export function sharesOf(counts: Counts): readonly Share[] {
  return TARGET_STATUSES.map((status) => ({ status, count: counts[status] ?? 0 })).filter(
    ({ count }) => count > 0,
  );
}

/** Failed and timed out: what counts against a threshold. */
export const failuresOf = (counts: Counts): number =>
  (counts.failed ?? 0) + (counts.timed_out ?? 0);

export const endedOf = (counts: Counts): number =>
  TARGET_STATUSES.reduce((sum, one) => sum + (isLive(one) ? 0 : (counts[one] ?? 0)), 0);

export function countsOf(targets: Iterable<TargetReport>): Counts {
  const counts: Record<string, number> = {};
  for (const { status } of targets) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** The failure that stops the deployment: of 10 at 20 % it is the third. */
export function stopsAt(
  size: number,
  wave: number,
  strategy: StrategyKind,
  config: Pick<StrategyConfig, "failure_threshold">,
): number {
  const isCanary = strategy === "canary" && wave === 0;
  const percent = isCanary ? 0 : (config.failure_threshold ?? 0);
  return Math.floor((size * percent) / 100 + 1e-9) + 1;
}

export interface Wave {
  readonly wave: number; // from 0
  readonly counts: Counts;
  readonly size: number;
  readonly failures: number;
  readonly stopsAt: number; // may be more than there are
  readonly isCurrent: boolean;
  readonly beganAtMs: number | null;
  readonly endedAtMs: number | null; // each of its devices had ended, at first
}

export function wavesOf(
  report: DeploymentReport,
  targets: readonly TargetReport[],
  history: readonly HistoryEntry[],
): readonly Wave[] {
  const byWave = new Map<number, TargetReport[]>();
  for (const target of targets) {
    const known = byWave.get(target.wave);
    if (known) known.push(target);
    else byWave.set(target.wave, [target]);
  }
  const began = history.filter(({ what, device }) => what === "wave" && device === null);
  const ends = firstEnds(history);
  const hasBegun = report.started_at_ms !== null;
  return [...byWave]
    .sort(([one], [other]) => one - other)
    .map(([wave, members]) => {
      const counts = countsOf(members);
      const size = members.length - (hasEnded(report.status) ? 0 : (counts.skipped ?? 0));
      const beganAtMs = began[wave]?.at_ms ?? null;
      return {
        wave,
        counts,
        size: members.length,
        failures: failuresOf(counts),
        stopsAt: stopsAt(size, wave, report.strategy, report.config),
        isCurrent: hasBegun && !hasEnded(report.status) && wave === report.wave,
        beganAtMs,
        endedAtMs: beganAtMs === null ? null : lastEnd(members, ends),
      };
    });
}

/** When each device came to an end for the first time; a rollback later is another thing. */
function firstEnds(history: readonly HistoryEntry[]): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  const statuses = new Set<string>(TARGET_STATUSES.filter((status) => !isLive(status)));
  for (const { device, what, at_ms } of history) {
    if (device !== null && statuses.has(what) && !ends.has(device)) ends.set(device, at_ms);
  }
  return ends;
}

function lastEnd(
  members: readonly TargetReport[],
  ends: ReadonlyMap<string, number>,
): number | null {
  let last = 0;
  for (const { device, status } of members) {
    const at = ends.get(device);
    if (at === undefined || isLive(status)) return null;
    last = Math.max(last, at);
  }
  return last;
}

const AROUND = 8;
const FEW = 12;

/** Of many waves those around the present one: two before it, the others after. */
export function around<One>(waves: readonly One[], present: number): readonly One[] {
  if (waves.length <= FEW) return waves;
  const first = Math.max(0, Math.min(present - 2, waves.length - AROUND));
  return waves.slice(first, first + AROUND);
}

/** What a deployment has done to its devices, for the question before a deed. */
export interface Reach {
  readonly untouched: number; // it goes to them no more
  readonly underWay: number;
  readonly done: number;
  readonly reached: number; // may have the release
}

export function reachOf({ counts }: Pick<DeploymentReport, "counts">): Reach {
  const underWay = (counts.deploying ?? 0) + (counts.verifying ?? 0);
  const done = counts.success ?? 0;
  return { untouched: counts.pending ?? 0, underWay, done, reached: underWay + done };
}
