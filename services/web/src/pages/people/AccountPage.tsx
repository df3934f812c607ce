/** One's own account: where one is signed in, the password, how the page looks. */

import { useState } from "react";
import { useAsk, useMay, useScope, useTell } from "../../app/asking";
import { ConfirmDialog } from "../../app/ConfirmDialog";
import { ThemeChoice } from "../../app/theme";
import {
  CHANGE_PASSWORD,
  END_SESSION,
  LIST_SESSIONS,
  LIST_USERS,
  type OpenSessionReport,
} from "../../contract";
import { t } from "../../texts";
import {
  Ago,
  Button,
  Check,
  Facts,
  Field,
  Moment,
  PageHead,
  Panel,
  Problem,
  Quiet,
} from "../../ui/basics";
import { type Column, Table } from "../../ui/Table";
import { useToast } from "../../ui/toasts";
import { PeopleTabs, roleName } from "./parts";

const KEY_PREFIX = "key_"; // a program signed in with a key

export default function AccountPage() {
  const words = t.people.account;
  const { session } = useScope();
  return (
    <>
      <PageHead title={words.title} />
      <PeopleTabs open="account" />
      <Panel title={words.who}>
        <Facts
          facts={[
            [words.user, session.user],
            [words.role, t.people.roleMeans[session.role] ?? roleName(session.role)],
            [words.project, session.project],
            [words.colours, <ThemeChoice key="theme" />],
          ]}
        />
      </Panel>
      <Sessions />
      <Panel title={words.password} name="password-panel">
        {session.user.startsWith(KEY_PREFIX) ? <Quiet>{words.byKey}</Quiet> : <PasswordForm />}
      </Panel>
    </>
  );
}

function Sessions() {
  const words = t.people.account;
  const isOwner = useMay(LIST_USERS);
  const [isAll, setAll] = useState(false);
  const { data, problem, isStale } = useAsk(
    LIST_SESSIONS,
    { mine: !isAll },
    { everyMs: 30_000, keeps: true },
  );
  const [ending, setEnding] = useState<OpenSessionReport | null>(null);
  const columns: readonly Column<OpenSessionReport>[] = [
    {
      id: "client",
      title: words.heads.client,
      cell: ({ client, is_this }) => (
        <>
          {client || words.page} {is_this && <span className="quiet">({words.thisOne})</span>}
        </>
      ),
    },
    {
      id: "user",
      title: words.heads.user,
      onPhone: false,
      cell: ({ user, role }) => `${user}, ${roleName(role)}`,
    },
    {
      id: "opened",
      title: words.heads.opened,
      onPhone: false,
      cell: ({ opened_at_ms }) => <Moment ms={opened_at_ms} />,
    },
    {
      id: "renewed",
      title: words.heads.renewed,
      cell: ({ renewed_at_ms }) => <Ago ms={renewed_at_ms} />,
    },
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
      cell: (one) =>
        one.is_this ? null : (
          <Button
            aria-label={words.endOf(`${one.user} ${one.client}`)}
            onClick={() => setEnding(one)}
            data-testid="end-session"
          >
            {words.end}
          </Button>
        ),
    },
  ];
  return (
    <Panel
      title={isAll ? words.everybody : words.sessions}
      isStale={isStale}
      name="sessions"
      actions={
        isOwner && (
          <Check
            label={words.all}
            checked={isAll}
            onChange={({ target }) => setAll(target.checked)}
            data-testid="all-sessions"
          />
        )
      }
    >
      {problem && <Problem>{problem}</Problem>}
      {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
      {data && (
        <Table
          label={words.sessions}
          name="session"
          columns={columns}
          rows={data.sessions}
          keyOf={({ session }) => session}
          data={({ user, is_this }) => ({ "data-user": user, "data-this": is_this })}
        />
      )}
      {ending && <EndDialog session={ending} onClose={() => setEnding(null)} />}
    </Panel>
  );
}

function EndDialog({ session, onClose }: { session: OpenSessionReport; onClose: () => void }) {
  const words = t.people.account;
  const telling = useTell(END_SESSION, LIST_SESSIONS);
  return (
    <ConfirmDialog
      telling={telling}
      request={{ session: session.session }}
      title={words.endTitle(session.user)}
      name="end-dialog"
      submit={words.end}
      done={words.ended}
      onClose={onClose}
    >
      <Quiet>{words.endMeans}</Quiet>
    </ConfirmDialog>
  );
}

function PasswordForm() {
  const words = t.people.account;
  const { tell, busy, problem } = useTell(CHANGE_PASSWORD, LIST_SESSIONS);
  const note = useToast();
  const [isDifferent, setDifferent] = useState(false);
  async function change(form: HTMLFormElement) {
    const fields = new FormData(form);
    const [old, fresh] = [String(fields.get("old")), String(fields.get("new"))];
    const differs = fresh !== String(fields.get("again"));
    setDifferent(differs);
    if (differs) return;
    const done = await tell({ old, new: fresh });
    if (!done) return;
    note(words.changed(done.sessions_ended));
    form.reset();
  }
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        void change(event.currentTarget);
      }}
    >
      <Secret label={words.old} name="old" complete="current-password" />
      <Secret label={words.new} name="new" complete="new-password" />
      <Secret
        label={words.again}
        name="again"
        complete="new-password"
        problem={isDifferent ? words.differ : null}
      />
      {problem && <Problem name="password-problem">{problem}</Problem>}
      <div className="buttons">
        <Button type="submit" isBusy={busy !== null} data-testid="change-password">
          {words.submit}
        </Button>
      </div>
    </form>
  );
}

interface SecretProps {
  readonly label: string;
  readonly name: string;
  readonly complete: string;
  readonly problem?: string | null;
}

function Secret({ label, name, complete, problem = null }: SecretProps) {
  return (
    <Field label={label} problem={problem}>
      <input
        name={name}
        type="password"
        required
        autoComplete={complete}
        data-testid={`password-${name}`}
      />
    </Field>
  );
}
