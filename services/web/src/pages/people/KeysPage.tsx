/** Keys with which programs sign in. */

import { useState } from "react";
import { useAsk, useMay, useTell } from "../../app/asking";
import { ConfirmDialog } from "../../app/ConfirmDialog";
import {
  type ApiKey,
  CREATE_API_KEY,
  LIST_API_KEYS,
  READ_AUDIT,
  REVOKE_API_KEY,
} from "../../contract";
import { t } from "../../texts";
import { Ago, Button, Field, Moment, PageHead, Panel, Problem, Quiet } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { type Column, Table } from "../../ui/Table";
import { DAY_S, PeopleTabs, RoleField, roleName, roleOf, SecretDialog } from "./parts";

const DAYS = [30, 90, 365];

export default function KeysPage() {
  const words = t.people.keys;
  const may = useMay(LIST_API_KEYS);
  const [isNew, setNew] = useState(false);
  return (
    <>
      <PageHead title={words.title}>
        {may && (
          <Button look="primary" onClick={() => setNew(true)} data-testid="new-key">
            {words.make}
          </Button>
        )}
      </PageHead>
      <PeopleTabs open="keys" />
      {may ? <Keys /> : <Quiet name="owners-only">{t.people.ownersOnly}</Quiet>}
      {isNew && <NewKey onClose={() => setNew(false)} />}
    </>
  );
}

function Keys() {
  const words = t.people.keys;
  const { data, problem, isStale } = useAsk(LIST_API_KEYS, {}, { everyMs: 60_000 });
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const columns: readonly Column<ApiKey>[] = [
    {
      id: "name",
      title: words.heads.name,
      width: "minmax(0, 2fr)",
      sort: ({ name }) => name,
      cell: ({ name }) => name,
    },
    {
      id: "key",
      title: words.heads.key,
      onPhone: false,
      cell: ({ key }) => <code>{key}</code>,
    },
    {
      id: "role",
      title: words.heads.role,
      sort: ({ role }) => role,
      cell: ({ role }) => roleName(role),
    },
    { id: "by", title: words.heads.by, onPhone: false, cell: ({ created_by }) => created_by },
    {
      id: "used",
      title: words.heads.used,
      onPhone: false,
      sort: ({ last_used_at_ms }) => last_used_at_ms ?? 0,
      cell: ({ last_used_at_ms }) => <Ago ms={last_used_at_ms} />,
    },
    {
      id: "until",
      title: words.heads.until,
      onPhone: false,
      sort: ({ expires_at_ms }) => expires_at_ms ?? Number.MAX_SAFE_INTEGER,
      cell: ({ expires_at_ms }) => <Until ms={expires_at_ms} />,
    },
    {
      id: "deeds",
      title: words.heads.deeds,
      width: "var(--people-deed)",
      cell: (key) => (
        <Button
          aria-label={words.revokeOf(key.name)}
          onClick={() => setRevoking(key)}
          data-testid="revoke"
        >
          {words.revoke}
        </Button>
      ),
    },
  ];
  return (
    <Panel isStale={isStale} name="keys">
      <Quiet>{words.means}</Quiet>
      {problem && <Problem>{problem}</Problem>}
      {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
      {data?.keys.length === 0 && <Quiet>{words.none}</Quiet>}
      {data && data.keys.length > 0 && (
        <Table
          label={words.title}
          name="key"
          columns={columns}
          rows={data.keys}
          keyOf={({ key }) => key}
          data={({ name, role }) => ({ "data-name": name, "data-role": role })}
          sortedBy="name"
        />
      )}
      {revoking && <RevokeDialog apiKey={revoking} onClose={() => setRevoking(null)} />}
    </Panel>
  );
}

function Until({ ms }: { ms: number | null }) {
  if (ms === null) return <span className="quiet">{t.people.keys.forGood}</span>;
  if (ms < Date.now()) return <span>{t.people.keys.ended}</span>;
  return <Moment ms={ms} />;
}

function RevokeDialog({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const words = t.people.keys;
  const telling = useTell(REVOKE_API_KEY, LIST_API_KEYS, READ_AUDIT);
  return (
    <ConfirmDialog
      telling={telling}
      request={{ key: apiKey.key }}
      title={words.revokeTitle(apiKey.name)}
      name="revoke-dialog"
      submit={words.revoke}
      done={words.revoked(apiKey.name)}
      onClose={onClose}
    >
      <Quiet>{words.revokeMeans}</Quiet>
    </ConfirmDialog>
  );
}

/** Asks what the key is for, and shows its secret once. */
function NewKey({ onClose }: { onClose: () => void }) {
  const words = t.people.keys;
  const { tell, busy, problem } = useTell(CREATE_API_KEY, LIST_API_KEYS, READ_AUDIT);
  const [made, setMade] = useState<ApiKey | null>(null);
  async function make(form: FormData) {
    const days = Number(form.get("days"));
    const valid_s = days > 0 ? days * DAY_S : null;
    setMade(await tell({ name: String(form.get("name")).trim(), role: roleOf(form), valid_s }));
  }
  if (made) {
    return (
      <SecretDialog
        title={words.madeTitle}
        name="secret-dialog"
        means={words.madeMeans(made.name, roleName(made.role))}
        secret={made.token}
        onClose={onClose}
      />
    );
  }
  return (
    <FormDialog
      title={words.makeTitle}
      name="key-dialog"
      submit={words.submit}
      isBusy={busy !== null}
      problem={problem}
      onSubmit={(form) => void make(form)}
      onClose={onClose}
    >
      <Field label={words.name} hint={words.nameHint}>
        <input name="name" required autoComplete="off" data-testid="key-name" />
      </Field>
      <RoleField />
      <Field label={words.validFor}>
        <select name="days" defaultValue="90" data-testid="key-days">
          {DAYS.map((days) => (
            <option key={days} value={days}>
              {words.days(days)}
            </option>
          ))}
          <option value="0">{words.forGood}</option>
        </select>
      </Field>
    </FormDialog>
  );
}
