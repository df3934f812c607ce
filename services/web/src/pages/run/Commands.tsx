/** Pause, resume, approve and stop the run shown. */

import { useState } from "react";
import { useCommand } from "../../app/command";
import {
  APPROVE_RUN,
  PAUSE_RUN,
  type Procedure,
  RESUME_RUN,
  type RunReport,
  type RunStatus,
  STOP_RUN,
  type StopMode,
} from "../../contract";
import type { DeviceStore } from "../../device/store";
import type { Link } from "../../wamp/link";
import { ApproveDialog, StopDialog } from "./dialogs";

interface Props {
  readonly store: DeviceStore;
  readonly report: RunReport | null;
  readonly link: Link | null;
  readonly blocked: string | null;
}

const MOVING: readonly RunStatus[] = ["running", "stopping"];
const UNDER_WAY: readonly RunStatus[] = [...MOVING, "paused"];

export function Commands({ store, report, link, blocked }: Props) {
  const { busy, problem, perform } = useCommand();
  const [dialog, setDialog] = useState<"approve" | "stop" | null>(null);
  const run = report?.run ?? "";
  const status = report?.status;
  const is = (some: readonly RunStatus[]) => status !== undefined && some.includes(status);
  const awaited = report?.listening.filter(({ type }) => type === "APPROVAL") ?? [];

  const send = <Request,>(
    name: string,
    procedure: Procedure<Request, RunReport>,
    request: Request,
  ) =>
    perform(name, async () => {
      if (link) store.noteRun(await link.call(procedure, request, { device: store.device }));
    });
  const button = (name: string, label: string, isUseful: boolean, act: () => void, mark = "") => (
    <button
      type="button"
      className={mark}
      data-testid={name}
      disabled={blocked !== null || busy !== null || !isUseful}
      aria-busy={busy === name}
      onClick={act}
    >
      {label}
    </button>
  );

  return (
    <div className="commands">
      <fieldset className="buttons">
        <legend className="hidden">Commands to the run</legend>
        {button("pause", "Pause", is(["running"]), () => void send("pause", PAUSE_RUN, { run }))}
        {button("resume", "Resume", is(["paused"]), () => void send("resume", RESUME_RUN, { run }))}
        {button(
          "approve",
          "Approve …",
          awaited.length > 0 && is(MOVING),
          () => setDialog("approve"),
          awaited.length > 0 && is(MOVING) ? "act" : "",
        )}
        {button("stop", "Stop …", is(UNDER_WAY), () => setDialog("stop"))}
      </fieldset>
      {problem && (
        <p role="alert" className="problem" data-testid="command-problem">
          {problem}
        </p>
      )}
      {dialog === "approve" && (
        <ApproveDialog
          awaited={awaited}
          onClose={() => setDialog(null)}
          onApprove={(listener, comment) => {
            setDialog(null);
            void send("approve", APPROVE_RUN, { run, listener, comment });
          }}
        />
      )}
      {dialog === "stop" && (
        <StopDialog
          isStopping={status === "stopping"}
          onClose={() => setDialog(null)}
          onStop={(mode: StopMode) => {
            setDialog(null);
            void send("stop", STOP_RUN, { run, mode });
          }}
        />
      )}
    </div>
  );
}
