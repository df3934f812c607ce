/** Invitations: a code by which one person joins the project. */

import { useState } from "react";
import { useAsk, useTell } from "../../app/asking";
import { ConfirmDialog } from "../../app/ConfirmDialog";
import {
  INVITE,
  type Invitation,
  LIST_INVITATIONS,
  READ_AUDIT,
  WITHDRAW_INVITATION,
} from "../../contract";
import { t } from "../../texts";
import { Button, Field, Moment, Panel, Problem, Quiet } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { momentText } from "../../ui/format";
import { type Column, Table } from "../../ui/Table";
import { DAY_S, RoleField, roleName, roleOf, SecretDialog } from "./parts";

const DAYS = [1, 7, 30];

export function OpenInvitations() {
  const words = t.people.invitations;
  const { data, problem, isStale } = useAsk(LIST_INVITATIONS, {});
  const [withdrawing, setWithdrawing] = useState<Invitation | null>(null);
  const columns: readonly Column<Invitation>[] = [
    { id: "role", title: words.heads.role, cell: ({ role }) => roleName(role) },
    { id: "who", title: words.heads.who, cell: ({ user }) => user ?? words.anybody },
    { id: "by", title: words.heads.by, onPhone: false, cell: ({ created_by }) => created_by },
    {
      id: "until",
      title: words.heads.until,
      onPhone: false,
      cell: ({ expires_at_ms }) => <Moment ms={expires_at_ms} />,
    },
    {
      id: "deeds",
      title: words.heads.deeds,
      width: "var(--people-deed)",
      cell: (one) => (
        <Button
          aria-label={words.withdrawOf(one.invitation)}
          onClick={() => setWithdrawing(one)}
          data-testid="withdraw"
        >
          {words.withdraw}
        </Button>
      ),
    },
  ];
  return (
    <Panel title={words.heading} isStale={isStale} name="invitations">
      {problem && <Problem>{problem}</Problem>}
      {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
      {data?.invitations.length === 0 && <Quiet>{words.none}</Quiet>}
      {data && data.invitations.length > 0 && (
        <Table
          label={words.heading}
          name="invitation"
          columns={columns}
          rows={data.invitations}
          keyOf={({ invitation }) => invitation}
          data={({ role }) => ({ "data-role": role })}
        />
      )}
      {withdrawing && (
        <WithdrawDialog invitation={withdrawing} onClose={() => setWithdrawing(null)} />
      )}
    </Panel>
  );
}

function WithdrawDialog({ invitation, onClose }: { invitation: Invitation; onClose: () => void }) {
  const words = t.people.invitations;
  const telling = useTell(WITHDRAW_INVITATION, LIST_INVITATIONS, READ_AUDIT);
  return (
    <ConfirmDialog
      telling={telling}
      request={{ invitation: invitation.invitation }}
      title={words.withdrawTitle}
      name="withdraw-dialog"
      submit={words.withdraw}
      done={words.withdrawn}
      onClose={onClose}
    >
      <Quiet>{words.withdrawMeans}</Quiet>
    </ConfirmDialog>
  );
}

/** Asks for whom, and shows the code once. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const words = t.people.invitations;
  const { tell, busy, problem } = useTell(INVITE, LIST_INVITATIONS, READ_AUDIT);
  const [made, setMade] = useState<Invitation | null>(null);
  async function invite(form: FormData) {
    const user = String(form.get("user")).trim() || null;
    const valid_s = Number(form.get("days")) * DAY_S;
    setMade(await tell({ role: roleOf(form), user, valid_s }));
  }
  if (made) {
    const until = momentText(made.expires_at_ms, Date.now());
    return (
      <SecretDialog
        title={words.codeTitle}
        name="code-dialog"
        means={words.codeMeans(made.user ?? words.anybody, roleName(made.role), until)}
        secret={made.code}
        onClose={onClose}
      >
        <div className="quiet">
          {words.how} <code className="people-command">{words.command(location.origin)}</code>
        </div>
      </SecretDialog>
    );
  }
  return (
    <FormDialog
      title={words.title}
      name="invite-dialog"
      submit={words.submit}
      isBusy={busy !== null}
      problem={problem}
      onSubmit={(form) => void invite(form)}
      onClose={onClose}
    >
      <RoleField />
      <Field label={words.only} hint={words.onlyHint}>
        <input
          name="user"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          data-testid="invite-user"
        />
      </Field>
      <Field label={words.validFor}>
        <select name="days" defaultValue="7">
          {DAYS.map((days) => (
            <option key={days} value={days}>
              {words.days(days)}
            </option>
          ))}
        </select>
      </Field>
    </FormDialog>
  );
}
