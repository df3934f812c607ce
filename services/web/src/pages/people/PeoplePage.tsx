/** Who is in the project, as what; and who is invited. */

import { useState } from "react";
import { useAsk, useMay, useScope, useTell } from "../../app/asking";
import { ConfirmDialog } from "../../app/ConfirmDialog";
import { type PageProps, replaceQuery } from "../../app/routes";
import {
  CHANGE_ROLE,
  CREATE_USER,
  LIST_USERS,
  READ_AUDIT,
  REMOVE_USER,
  type User,
} from "../../contract";
import { t } from "../../texts";
import { Button, Field, PageHead, Panel, Problem, Quiet, Search } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { type Column, Table } from "../../ui/Table";
import { useToast } from "../../ui/toasts";
import { InviteDialog, OpenInvitations } from "./Invitations";
import { PeopleTabs, RoleField, roleName, roleOf } from "./parts";

type Asking =
  | { readonly what: "invite" | "add" }
  | { readonly what: "role" | "remove"; readonly user: User }
  | null;

export default function PeoplePage({ query }: PageProps) {
  const may = useMay(LIST_USERS);
  const [asking, setAsking] = useState<Asking>(null);
  const close = () => setAsking(null);
  return (
    <>
      <PageHead title={t.people.members.title}>
        {may && (
          <>
            <Button
              look="primary"
              onClick={() => setAsking({ what: "invite" })}
              data-testid="invite"
            >
              {t.people.invitations.invite}
            </Button>
            <Button onClick={() => setAsking({ what: "add" })} data-testid="add-user">
              {t.people.members.add}
            </Button>
          </>
        )}
      </PageHead>
      <PeopleTabs open="people" />
      {may ? (
        <>
          <Members text={query.get("q") ?? ""} onAsk={setAsking} />
          <OpenInvitations />
        </>
      ) : (
        <Quiet name="owners-only">{t.people.ownersOnly}</Quiet>
      )}
      {asking?.what === "invite" && <InviteDialog onClose={close} />}
      {asking?.what === "add" && <AddDialog onClose={close} />}
      {asking?.what === "role" && <RoleDialog user={asking.user} onClose={close} />}
      {asking?.what === "remove" && <RemoveDialog user={asking.user} onClose={close} />}
    </>
  );
}

function Members({ text, onAsk }: { text: string; onAsk: (asking: Asking) => void }) {
  const words = t.people.members;
  const { data, problem, isStale } = useAsk(LIST_USERS, {});
  const me = useScope().session.user;
  const columns: readonly Column<User>[] = [
    {
      id: "user",
      title: words.heads.user,
      sort: ({ user }) => user,
      cell: ({ user }) => (
        <>
          {user} {user === me && <span className="quiet">({t.people.you})</span>}
        </>
      ),
    },
    {
      id: "role",
      title: words.heads.role,
      sort: ({ role }) => role,
      cell: ({ role }) => roleName(role),
    },
    {
      id: "deeds",
      title: words.heads.deeds,
      width: "var(--people-deeds)",
      cell: (user) => (
        <div className="buttons">
          <Button
            aria-label={words.changeRoleOf(user.user)}
            onClick={() => onAsk({ what: "role", user })}
            data-testid="change-role"
          >
            {words.changeRole}
          </Button>
          <Button
            aria-label={words.removeOf(user.user)}
            onClick={() => onAsk({ what: "remove", user })}
            data-testid="remove-user"
          >
            {words.remove}
          </Button>
        </div>
      ),
    },
  ];
  const shown = (data?.users ?? []).filter(({ user }) => user.includes(text.toLowerCase()));
  return (
    <Panel title={words.heading} isStale={isStale} name="members">
      {(data?.users.length ?? 0) > 10 && (
        <Search value={text} onChange={(q) => replaceQuery({ q })} label={words.search} />
      )}
      {problem && <Problem>{problem}</Problem>}
      {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
      {data && (
        <Table
          label={words.title}
          name="user"
          columns={columns}
          rows={shown}
          keyOf={({ user }) => user}
          data={({ user, role }) => ({ "data-user": user, "data-role": role })}
          sortedBy="user"
        />
      )}
    </Panel>
  );
}

function AddDialog({ onClose }: { onClose: () => void }) {
  const words = t.people.members;
  const { tell, busy, problem } = useTell(CREATE_USER, LIST_USERS, READ_AUDIT);
  const note = useToast();
  async function add(form: FormData) {
    const user = String(form.get("user")).trim();
    const password = String(form.get("password")) || null;
    const made = await tell({ user, role: roleOf(form), password });
    if (!made) return;
    note(words.added(made.user, made.role));
    onClose();
  }
  return (
    <FormDialog
      title={words.addTitle}
      name="add-user-dialog"
      submit={words.addSubmit}
      isBusy={busy !== null}
      problem={problem}
      onSubmit={(form) => void add(form)}
      onClose={onClose}
    >
      <Quiet>{words.addMeans}</Quiet>
      <Field label={words.user} hint={words.userHint}>
        <input
          name="user"
          required
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          data-testid="new-user"
        />
      </Field>
      <Field label={words.password} hint={words.passwordHint}>
        <input
          name="password"
          type="password"
          autoComplete="new-password"
          data-testid="new-password"
        />
      </Field>
      <RoleField />
    </FormDialog>
  );
}

function RoleDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const words = t.people.members;
  const { tell, busy, problem } = useTell(CHANGE_ROLE, LIST_USERS, READ_AUDIT);
  const note = useToast();
  async function change(form: FormData) {
    const done = await tell({ user: user.user, role: roleOf(form) });
    if (!done) return;
    note(words.roleDone(done.user, done.role));
    onClose();
  }
  return (
    <FormDialog
      title={words.roleTitle(user.user)}
      name="role-dialog"
      submit={words.roleSubmit}
      isBusy={busy !== null}
      problem={problem}
      onSubmit={(form) => void change(form)}
      onClose={onClose}
    >
      <RoleField value={user.role} />
      <Quiet>{words.roleMeans}</Quiet>
    </FormDialog>
  );
}

function RemoveDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const words = t.people.members;
  const telling = useTell(REMOVE_USER, LIST_USERS, READ_AUDIT);
  return (
    <ConfirmDialog
      telling={telling}
      request={{ user: user.user }}
      title={words.removeTitle(user.user)}
      name="remove-user-dialog"
      submit={words.remove}
      done={words.removed(user.user)}
      onClose={onClose}
    >
      <Quiet>{words.removeMeans}</Quiet>
    </ConfirmDialog>
  );
}
