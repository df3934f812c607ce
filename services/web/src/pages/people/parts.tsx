/** What the pages about people have in common. */

import { useMay } from "../../app/asking";
import { address } from "../../app/routes";
import { LIST_USERS, type Role } from "../../contract";
import { t } from "../../texts";
import { Button, Field, Quiet, Tabs } from "../../ui/basics";
import { copyText } from "../../ui/Copy";
import { Dialog } from "../../ui/Dialog";
import { useToast } from "../../ui/toasts";
import "./people.css";

const ROLES: readonly Role[] = ["viewer", "operator", "owner"];
export const DAY_S = 86_400;

type Place = "people" | "keys" | "projects" | "account";

/** The pages side by side; those that a role does not see are left out. */
export function PeopleTabs({ open }: { open: Place }) {
  const isOwner = useMay(LIST_USERS);
  const places: readonly Place[] = isOwner
    ? ["people", "keys", "projects", "account"]
    : ["projects", "account"];
  return (
    <Tabs
      label={t.people.sections}
      tabs={places.map((place) => ({
        name: t.people.tabs[place],
        href: address([place]),
        isOpen: place === open,
      }))}
    />
  );
}

/** A role to choose, each with what it may. */
export function RoleField({ value = "viewer" }: { value?: Role }) {
  return (
    <fieldset className="role-choice">
      <legend>{t.people.role}</legend>
      {ROLES.map((role) => (
        <label key={role}>
          <input
            type="radio"
            name="role"
            value={role}
            defaultChecked={role === value}
            data-testid={`role-${role}`}
          />
          <span>{t.people.roleMeans[role]}</span>
        </label>
      ))}
    </fieldset>
  );
}

export const roleOf = (form: FormData): Role =>
  ROLES.find((role) => role === form.get("role")) ?? "viewer";

export const roleName = (role: string): string => t.people.roleName[role] ?? role;

interface SecretProps {
  readonly title: string;
  readonly means: string;
  readonly secret: string;
  readonly name: string; // for tests
  readonly children?: React.ReactNode;
  readonly onClose: () => void;
}

/** A secret that is shown once. */
export function SecretDialog({ title, means, secret, name, children, onClose }: SecretProps) {
  const note = useToast();
  async function copy() {
    note((await copyText(secret)) ? t.people.copied : t.people.notCopied);
  }
  return (
    <Dialog title={title} name={name} onClose={onClose}>
      <Quiet>{means}</Quiet>
      <Field label={title}>
        <textarea
          className="mono secret"
          readOnly
          value={secret}
          rows={2}
          onFocus={({ target }) => target.select()}
          data-testid="secret"
        />
      </Field>
      {children}
      <div className="buttons">
        <Button look="primary" onClick={() => void copy()} data-testid="copy">
          {t.people.copy}
        </Button>
        <Button onClick={onClose} data-testid="secret-kept">
          {t.people.close}
        </Button>
      </div>
    </Dialog>
  );
}
