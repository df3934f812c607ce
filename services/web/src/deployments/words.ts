/** How a deployment stands, in sentences. Pure. */

import type { DeploymentReport, HistoryEntry, Targets, Window } from "../contract";
import { t } from "../texts";
import { momentText } from "../ui/format";
import { durationText } from "./durations";
import { reachOf, sharesOf } from "./progress";
import { awaitsApproval } from "./standing";

const words = t.deployments;

/** Its status and why, in one sentence; `isStarted`: somebody has told it to start. */
export function standingText(
  report: DeploymentReport,
  nowMs: number,
  { isStarted = false }: { readonly isStarted?: boolean } = {},
): string {
  const { standing } = words;
  const why = sentence(report.detail);
  switch (report.status) {
    case "pending":
      return pendingText(report, nowMs, isStarted);
    case "running":
      return why || runningText(report, nowMs);
    case "paused":
      return [standing.paused(reachOf(report).underWay), why].filter(Boolean).join(" ");
    case "completed":
      return why || standing.completed(report.total, words.release(report.flow, report.version));
    case "rolling_back":
      return standing.rollingBack(ended(report.detail));
    case "rolled_back":
      return standing.rolledBack(ended(report.detail));
    case "failed":
    case "cancelled":
      return why;
  }
}

function pendingText(report: DeploymentReport, nowMs: number, isStarted: boolean): string {
  const { standing } = words;
  const { start_at_ms } = report;
  const isTimed = start_at_ms !== null && !isStarted;
  if (awaitsApproval(report)) {
    if (isStarted) return standing.awaitsApproval;
    return isTimed
      ? standing.awaitsApprovalUntil(momentText(start_at_ms, nowMs))
      : standing.awaitsStartAndApproval;
  }
  if (!isTimed) return standing.awaitsStart;
  return standing.beginsAt(momentText(start_at_ms, nowMs), durationText(start_at_ms - nowMs));
}

function runningText(report: DeploymentReport, nowMs: number): string {
  const { standing } = words;
  const { next_at_ms, wave, waves, strategy, config } = report;
  const { underWay, untouched } = reachOf(report);
  if (next_at_ms !== null && next_at_ms > nowMs) {
    const [at, left] = [momentText(next_at_ms, nowMs), durationText(next_at_ms - nowMs)];
    if (strategy === "blue_green") return standing.switches(at, left);
    return standing.nextWave(wave + 2, waves, at, left);
  }
  const isWaiting = underWay === 0 && untouched > 0 && next_at_ms !== null;
  if (isWaiting && config.windows.length > 0) return standing.awaitsWindow;
  return standing.wave(wave + 1, waves, underWay);
}

/** `it is too hot` becomes `It is too hot.` */
export function sentence(detail: string): string {
  return detail === "" ? "" : ended(detail.charAt(0).toUpperCase() + detail.slice(1));
}

const ended = (detail: string) => (detail === "" || /[.!?]$/.test(detail) ? detail : `${detail}.`);

/** `3 success, 1 failed`: what a bar says to who cannot see it. */
export function countsText(counts: Readonly<Partial<Record<string, number>>>): string {
  return words.counts(
    sharesOf(counts).map(({ status, count }) => words.share(count, words.target[status])),
  );
}

const NAMED = 6;

export function targetsText({ all, labels, devices }: Targets): string {
  if (all) return words.one.all;
  const named = words.one.andMore(
    devices.slice(0, NAMED).join(", "),
    Math.max(0, devices.length - NAMED),
  );
  return [labels === null ? "" : words.one.fitting(labels), named].filter(Boolean).join("; ");
}

export function windowText({ days, begins, ends }: Window): string {
  const isDaily = days.length === words.days.length;
  const named = isDaily ? words.daily : days.map((day) => words.days[day]).join(", ");
  return words.utc(`${named} ${begins}–${ends}`);
}

export function strategyText({ strategy, config }: DeploymentReport): string {
  const { one } = words;
  switch (strategy) {
    case "all_at_once":
      return one.allAtOnce;
    case "rolling":
      return one.rolling(words.devices(config.batch_size ?? 0), String(config.batch_delay));
    case "canary":
      return one.canary(percentText(config.canary_percentage), String(config.canary_delay));
    case "blue_green":
      return one.blueGreen(String(config.switch_delay));
  }
}

export const percentText = (percent: number | null) => `${percent ?? 0}\u00a0%`;

/** What an entry of the history tells. */
export function happenedText({ what }: Pick<HistoryEntry, "what">): string {
  const known: Readonly<Record<string, string>> = {
    ...words.status,
    ...words.target,
    ...words.what,
  };
  return known[what] ?? what;
}
