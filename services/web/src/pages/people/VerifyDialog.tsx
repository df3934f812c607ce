/** Has the audit trail's chain computed again, and says in words whether it holds. */

import { useState } from "react";
import { useLink } from "../../app/asking";
import { useCommand } from "../../app/command";
import { type AuditVerdict, VERIFY_AUDIT } from "../../contract";
import { t } from "../../texts";
import { Field, Problem, Quiet } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";

const WITHIN_MS = 600_000; // a long trail takes minutes

export function VerifyDialog({ onClose }: { onClose: () => void }) {
  const words = t.people.audit;
  const link = useLink();
  const { perform, busy, problem } = useCommand();
  const [verdict, setVerdict] = useState<AuditVerdict | null>(null);
  const [head, setHead] = useState("");
  async function verify(form: FormData) {
    const noted = String(form.get("head")).trim();
    setVerdict(null);
    setHead(noted);
    await perform("verify", async () => {
      if (link) setVerdict(await link.call(VERIFY_AUDIT, { head: noted }, {}, WITHIN_MS));
    });
  }
  return (
    <FormDialog
      title={words.verifyTitle}
      name="verify-dialog"
      isWide
      submit={words.verifySubmit}
      isBusy={busy !== null}
      isReady={link !== null}
      problem={problem}
      onSubmit={(form) => void verify(form)}
      onClose={onClose}
    >
      <Quiet>{words.verifyMeans}</Quiet>
      <Field label={words.head} hint={words.headHint}>
        <input
          name="head"
          className="mono"
          autoComplete="off"
          spellCheck={false}
          data-testid="verify-head"
        />
      </Field>
      {verdict && (
        <div role="status" data-testid="verdict" data-holds={verdict.holds}>
          {verdict.holds ? (
            <>
              <p className="verdict holds">
                {head ? words.holdsWith(verdict.entries) : words.holds(verdict.entries)}
              </p>
              <Quiet>{words.noteHead}</Quiet>
              <code className="audit-hash" data-testid="head">
                {verdict.head}
              </code>
            </>
          ) : (
            <Problem>{words.broken(verdict.broken_at, verdict.detail)}</Problem>
          )}
        </div>
      )}
    </FormDialog>
  );
}
