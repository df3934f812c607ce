/** Pause, resume, approve, trigger and stop the run shown; start another one like it. */

import { type ReactNode, useState } from "react";
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
  TRIGGER_LISTENER,
} from "../../contract";
import { t } from "../../texts";
import { Problem } from "../../ui/basics";
import type { Link } from "../../wamp/link";
import type { Workflow } from "../../workflow/definition";
import { ApproveDialog, StopDialog, TriggerDialog } from "./dialogs";

/** Whoever keeps the run's report: told what a command returned. */
export interface Steered {
  readonly device: string;
  readonly noteRun: (report: RunReport) => void;
}

export type Asking = { readonly what: "approve" | "trigger" | "stop"; readonly listener?: string };

interface Props {
  readonly store: Steered;
  readonly report: RunReport | null;
  readonly workflow?: Workflow | null; // with it listeners are called by name
  readonly link: Link | null;
  readonly blocked: string | null;
  readonly asking?: Asking | null; // given: who is above opens the dialogs, too
  readonly onAsk?: (asking: Asking | null) => void;
  readonly children?: ReactNode; // more buttons
}

const MOVING: readonly RunStatus[] = ["running", "stopping"];
const UNDER_WAY: readonly RunStatus[] = [...MOVING, "paused"];

export function Commands({ store, report, workflow, link, blocked, children, ...outer }: Props) {
  const { busy, problem, perform } = useCommand();
  const [own, setOwn] = useState<Asking | null>(null);
  const [dialog, setDialog] = outer.onAsk ? [outer.asking ?? null, outer.onAsk] : [own, setOwn];
  const run = report?.run ?? "";
  const status = report?.status;
  const is = (some: readonly RunStatus[]) => status !== undefined && some.includes(status);
  const listening = report?.listening ?? [];
  const awaited = listening.filter(({ type }) => type === "APPROVAL");
  const needsApproval = awaited.length > 0 && is(MOVING);

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
        <legend className="hidden">{t.run.commands}</legend>
        {button(
          "pause",
          t.run.pause,
          is(["running"]),
          () => void send("pause", PAUSE_RUN, { run }),
        )}
        {button(
          "resume",
          t.run.resume,
          is(["paused"]),
          () => void send("resume", RESUME_RUN, { run }),
        )}
        {button(
          "approve",
          t.run.approve,
          needsApproval,
          () => setDialog({ what: "approve" }),
          needsApproval ? "act" : "",
        )}
        {button("trigger", t.run.trigger, listening.length > 0 && is(MOVING), () =>
          setDialog({ what: "trigger" }),
        )}
        {button("stop", t.run.stop, is(UNDER_WAY), () => setDialog({ what: "stop" }))}
        {children}
      </fieldset>
      {problem && <Problem name="command-problem">{problem}</Problem>}
      {dialog?.what === "approve" && (
        <ApproveDialog
          awaited={awaited}
          workflow={workflow ?? null}
          chosen={dialog.listener}
          onClose={() => setDialog(null)}
          onApprove={(listener, comment) => {
            setDialog(null);
            void send("approve", APPROVE_RUN, { run, listener, comment });
          }}
        />
      )}
      {dialog?.what === "trigger" && (
        <TriggerDialog
          listening={listening}
          workflow={workflow ?? null}
          chosen={dialog.listener}
          onClose={() => setDialog(null)}
          onTrigger={(listener) => {
            setDialog(null);
            void send("trigger", TRIGGER_LISTENER, { run, listener });
          }}
        />
      )}
      {dialog?.what === "stop" && (
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
