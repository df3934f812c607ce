/** What a person can do about a deployment, each with a question that says what follows. */

import { type ReactNode, useState } from "react";
import { useScope, useTell } from "../../app/asking";
import {
  DEPLOYMENT_HISTORY,
  type DeploymentReport,
  GET_DEPLOYMENT,
  LIST_DEPLOYMENTS,
} from "../../contract";
import { reachOf } from "../../deployments/progress";
import {
  awaitsApproval,
  type Deed,
  offersOf,
  PROCEDURES,
  type Said,
} from "../../deployments/standing";
import { t } from "../../texts";
import { Button, Field } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { momentText } from "../../ui/format";
import { useToast } from "../../ui/toasts";

const words = t.deployments.deeds;

const LOOKS: Readonly<Partial<Record<Deed, "primary" | "act" | "danger">>> = {
  start: "primary",
  approve: "act",
  resume: "primary",
  roll_back: "danger",
  cancel: "danger",
};

interface Props {
  readonly report: DeploymentReport;
  readonly said: Said;
}

export function Deeds({ report, said }: Props) {
  const { session } = useScope();
  const [asked, setAsked] = useState<Deed | null>(null);
  return (
    <>
      {offersOf(report, session, said).map(({ deed, isOthers }) => (
        <Button
          key={deed}
          look={LOOKS[deed]}
          disabled={isOthers}
          title={isOthers ? t.deployments.standing.others : undefined}
          onClick={() => setAsked(deed)}
          data-testid={`deployment-${deed}`}
        >
          {words[deed].button}
        </Button>
      ))}
      {asked && (
        <Question
          key={asked}
          deed={asked}
          report={report}
          meaning={meaningOf(asked, report, said)}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}

interface QuestionProps {
  readonly deed: Deed;
  readonly report: DeploymentReport;
  readonly meaning: ReactNode;
  readonly onClose: () => void;
}

function Question({ deed, report, meaning, onClose }: QuestionProps) {
  const { tell, busy, problem } = useTell(
    PROCEDURES[deed],
    GET_DEPLOYMENT,
    DEPLOYMENT_HISTORY,
    LIST_DEPLOYMENTS,
  );
  const note = useToast();
  async function send(form: FormData) {
    const reason = String(form.get("reason") ?? "").trim();
    if ((await tell({ deployment: report.deployment, reason })) === null) return;
    note(words[deed].done);
    onClose();
  }
  const isDanger = deed === "roll_back" || deed === "cancel";
  return (
    <FormDialog
      title={words[deed].title(t.deployments.release(report.flow, report.version))}
      name={`${deed}-dialog`}
      submit={words[deed].submit}
      back={words.keep}
      isBusy={busy !== null}
      isDanger={isDanger}
      problem={problem}
      onSubmit={(form) => void send(form)}
      onClose={onClose}
    >
      <p data-testid="deed-meaning">{meaning}</p>
      <Field label={deed === "approve" ? words.comment : words.reason}>
        <input name="reason" maxLength={200} data-testid="deed-reason" />
      </Field>
    </FormDialog>
  );
}

function meaningOf(deed: Deed, report: DeploymentReport, said: Said): string {
  const { means } = words;
  const { untouched, underWay, done, reached } = reachOf(report);
  switch (deed) {
    case "start":
      return awaitsApproval(report) ? means.startUnapproved : means.start(report.total);
    case "approve":
      if (said.isStarted) return means.approve(report.total);
      if (report.start_at_ms === null) return means.approveUnstarted;
      if (report.start_at_ms <= Date.now()) return means.approve(report.total);
      return means.approveLater(momentText(report.start_at_ms, Date.now()));
    case "pause":
      return means.pause(underWay);
    case "resume":
      return means.resume;
    case "cancel":
      if (report.status === "pending") return means.cancelPending;
      return means.cancel(done, underWay, untouched);
    case "roll_back":
      return means.rollBack(reached, untouched);
  }
}
