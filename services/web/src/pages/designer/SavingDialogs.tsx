/** The questions around saving: publish, a conflict, leaving. */

import type { FlowVersion } from "../../contract";
import { t } from "../../texts";
import { Button, Field, Problem } from "../../ui/basics";
import { Dialog, FormDialog } from "../../ui/Dialog";
import type { Leaving } from "./leaving";
import type { Saving } from "./useSaving";

const p = t.designer.publishing;
const c = t.designer.conflict;
const l = t.designer.leaving;

interface PublishProps {
  readonly flow: string;
  readonly saving: Saving;
  readonly errors: number;
  readonly onPublish: (note: string) => void;
  readonly onClose: () => void;
}

export function PublishDialog({ flow, saving, errors, onPublish, onClose }: PublishProps) {
  return (
    <FormDialog
      title={p.title(flow)}
      name="publish-dialog"
      submit={p.submit}
      isBusy={saving.isBusy}
      problem={saving.problem}
      onSubmit={(form) => onPublish(String(form.get("note") ?? ""))}
      onClose={onClose}
    >
      <p>{p.what}</p>
      {saving.isDirty && <p>{p.saves}</p>}
      {errors > 0 && <Problem>{p.errors(errors)}</Problem>}
      <Field label={p.note}>
        <textarea name="note" data-testid="publish-note" />
      </Field>
    </FormDialog>
  );
}

interface ConflictProps {
  readonly theirs: FlowVersion;
  readonly isBusy: boolean;
  readonly onTheirs: () => void;
  readonly onMine: () => void;
  readonly onClose: () => void;
}

export function ConflictDialog({ theirs, isBusy, onTheirs, onMine, onClose }: ConflictProps) {
  return (
    <Dialog title={c.title} name="conflict-dialog" onClose={onClose}>
      <p>{c.what(theirs.version, theirs.saved_by)}</p>
      <div className="design-choices">
        <div>
          <Button onClick={onTheirs} disabled={isBusy} data-testid="take-theirs">
            {c.theirs}
          </Button>
          <p className="quiet">{c.theirsHint}</p>
        </div>
        <div>
          <Button onClick={onMine} isBusy={isBusy} data-testid="keep-mine">
            {c.mine}
          </Button>
          <p className="quiet">{c.mineHint}</p>
        </div>
      </div>
      <div className="buttons">
        <Button onClick={onClose}>{t.ui.cancel}</Button>
      </div>
    </Dialog>
  );
}

interface LeaveProps {
  readonly leaving: Leaving;
  readonly saving: Saving;
  readonly onDrop: () => void;
}

export function LeaveDialog({ leaving, saving, onDrop }: LeaveProps) {
  return (
    <Dialog title={l.title} name="leave-dialog" onClose={leaving.stay}>
      <p>{l.what}</p>
      {saving.problem && <Problem>{saving.problem}</Problem>}
      <div className="buttons">
        <Button
          look="primary"
          isBusy={saving.isBusy}
          onClick={() => void saving.save().then((saved) => saved && leaving.leave())}
          data-testid="leave-save"
        >
          {l.save}
        </Button>
        <Button onClick={leaving.leave} data-testid="leave-keep">
          {l.leave}
        </Button>
        <Button
          look="danger"
          onClick={() => {
            onDrop();
            leaving.leave();
          }}
          data-testid="leave-drop"
        >
          {l.drop}
        </Button>
        <Button onClick={leaving.stay}>{l.stay}</Button>
      </div>
    </Dialog>
  );
}
