/**
 * How a deployment stands, and what a person can do about it. Pure.
 *
 * The rules are the backend's (`heddle/rollout/refusal.py`); here they only decide what is
 * offered. Whoever is refused nevertheless gets the backend's sentence.
 */

import {
  APPROVE_DEPLOYMENT,
  CANCEL_DEPLOYMENT,
  type DeploymentMoved,
  type DeploymentRef,
  type DeploymentReport,
  type DeploymentStatus,
  type HistoryEntry,
  PAUSE_DEPLOYMENT,
  type Procedure,
  RESUME_DEPLOYMENT,
  ROLL_BACK_DEPLOYMENT,
  type Role,
  START_DEPLOYMENT,
  type TargetStatus,
} from "../contract";

/** In the order in which a device goes through them; what is good comes first. */
export const TARGET_STATUSES = [
  "success",
  "verifying",
  "deploying",
  "pending",
  "skipped",
  "rolled_back",
  "timed_out",
  "failed",
] as const satisfies readonly TargetStatus[];

const ENDS: readonly DeploymentStatus[] = ["completed", "failed", "rolled_back", "cancelled"];
const LIVE: readonly TargetStatus[] = ["pending", "deploying", "verifying"];

export const hasEnded = (status: DeploymentStatus) => ENDS.includes(status);
export const isLive = (status: TargetStatus) => LIVE.includes(status);

export type Tone = "normal" | "lit" | "quiet" | "act" | "bad";

export function toneOf(report: Pick<DeploymentReport, "status"> & Waiting): Tone {
  switch (report.status) {
    case "pending":
      return awaitsApproval(report) ? "act" : "normal";
    case "running":
      return "lit";
    case "paused":
    case "rolling_back":
      return "act";
    case "completed":
      return "normal";
    case "failed":
    case "rolled_back":
      return "bad";
    case "cancelled":
      return "quiet";
  }
}

export function targetTone(status: TargetStatus): Tone {
  switch (status) {
    case "success":
      return "normal";
    case "deploying":
    case "verifying":
      return "lit";
    case "pending":
    case "skipped":
      return "quiet";
    case "rolled_back":
      return "act";
    case "failed":
    case "timed_out":
      return "bad";
  }
}

interface Waiting {
  readonly config: { readonly needs_approval: boolean };
  readonly approved_by: string | null;
}

export function awaitsApproval({
  status,
  config,
  approved_by,
}: Pick<DeploymentReport, "status"> & Waiting): boolean {
  return status === "pending" && config.needs_approval && approved_by === null;
}

/** A report, as far as a move tells it; an older move changes nothing. */
export function moved(
  report: DeploymentReport,
  event: DeploymentMoved | undefined,
): DeploymentReport {
  if (event?.deployment !== report.deployment || event.revision <= report.revision) return report;
  const { status, counts, wave, waves, detail, revision } = event;
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  // When it goes on is not told by a move: what was known may be over.
  return { ...report, status, counts, wave, waves, detail, revision, total, next_at_ms: null };
}

export const DEEDS = ["start", "approve", "pause", "resume", "roll_back", "cancel"] as const;
export type Deed = (typeof DEEDS)[number];

export const PROCEDURES: Readonly<Record<Deed, Procedure<DeploymentRef, DeploymentReport>>> = {
  start: START_DEPLOYMENT,
  approve: APPROVE_DEPLOYMENT,
  pause: PAUSE_DEPLOYMENT,
  resume: RESUME_DEPLOYMENT,
  roll_back: ROLL_BACK_DEPLOYMENT,
  cancel: CANCEL_DEPLOYMENT,
};

/** A deed that makes sense now; `isOthers`: but somebody else has to do it. */
export interface Offer {
  readonly deed: Deed;
  readonly isOthers: boolean;
}

export function offersOf(
  report: DeploymentReport,
  person: { readonly user: string; readonly role: Role },
  said: Said,
): readonly Offer[] {
  return DEEDS.filter((deed) => PROCEDURES[deed].calledBy.includes(person.role))
    .filter((deed) => makesSense(deed, report, said))
    .map((deed) => ({
      deed,
      isOthers: deed === "approve" && report.created_by === person.user,
    }));
}

function makesSense(deed: Deed, report: DeploymentReport, said: Said): boolean {
  const { status } = report;
  switch (deed) {
    case "start":
      return status === "pending" && !said.isStarted;
    case "approve":
      return awaitsApproval(report);
    case "pause":
      return status === "running";
    case "resume":
      return status === "paused";
    case "roll_back":
      if (status === "rolling_back") return said.isCancelled;
      return status === "running" || status === "paused";
    case "cancel":
      return status === "pending" || status === "running" || status === "paused";
  }
}

/** What people told it, as far as the report alone does not say. */
export interface Said {
  readonly isStarted: boolean;
  readonly isCancelled: boolean;
}

export function saidIn(history: readonly HistoryEntry[]): Said {
  const isThere = (what: string) => history.some((one) => one.device === null && one.what === what);
  return { isStarted: isThere("start"), isCancelled: isThere("cancel") && !isThere("rollback") };
}
