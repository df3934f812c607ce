/** The questions asked before an approval, a trigger by hand, and a stop. */

import type { ListenerReport, StopMode } from "../../contract";
import { t } from "../../texts";
import { Button } from "../../ui/basics";
import { Dialog, FormDialog } from "../../ui/Dialog";
import type { Workflow } from "../../workflow/definition";
import { elementInWords, short } from "../../workflow/words";

interface AskedProps {
  readonly workflow: Workflow | null;
  readonly chosen?: string | undefined;
  readonly onClose: () => void;
}

function nameOf({ listener, phase }: ListenerReport, workflow: Workflow | null): string {
  const name = elementInWords(workflow?.elements.get(listener), listener);
  return phase ? t.run.inPhase(name, short(workflow?.elements.get(phase)?.label ?? phase)) : name;
}

interface ListenerFieldProps extends Pick<AskedProps, "workflow" | "chosen"> {
  readonly label: string;
  readonly listeners: readonly ListenerReport[];
  readonly name: string; // for tests
}

function ListenerField({ label, listeners, name, workflow, chosen }: ListenerFieldProps) {
  return (
    <label>
      {label}
      <select name="listener" data-testid={name} defaultValue={chosen}>
        {listeners.map((one) => (
          <option key={one.listener} value={one.listener}>
            {nameOf(one, workflow)}
          </option>
        ))}
      </select>
    </label>
  );
}

interface ApproveProps extends AskedProps {
  readonly awaited: readonly ListenerReport[];
  readonly onApprove: (listener: string, comment: string) => void;
}

export function ApproveDialog({ awaited, onApprove, onClose, ...asked }: ApproveProps) {
  return (
    <FormDialog
      title={t.run.approveTitle}
      name="approve-dialog"
      submit={t.run.approveNow}
      submitName="approve-confirm"
      onSubmit={(form) =>
        onApprove(String(form.get("listener")), String(form.get("comment")).trim())
      }
      onClose={onClose}
    >
      <ListenerField
        label={t.run.approveWhat}
        listeners={awaited}
        name="approve-listener"
        {...asked}
      />
      <label>
        {t.run.comment}
        <input name="comment" autoComplete="off" maxLength={500} data-testid="approve-comment" />
      </label>
    </FormDialog>
  );
}

interface TriggerProps extends AskedProps {
  readonly listening: readonly ListenerReport[];
  readonly onTrigger: (listener: string) => void;
}

export function TriggerDialog({ listening, onTrigger, onClose, ...asked }: TriggerProps) {
  return (
    <FormDialog
      title={t.run.triggerTitle}
      name="trigger-dialog"
      submit={t.run.triggerNow}
      submitName="trigger-confirm"
      isDanger
      onSubmit={(form) => onTrigger(String(form.get("listener")))}
      onClose={onClose}
    >
      <p>{t.run.triggerNote}</p>
      <ListenerField
        label={t.run.triggerWhat}
        listeners={listening}
        name="trigger-listener"
        {...asked}
      />
    </FormDialog>
  );
}

interface StopProps {
  readonly isStopping: boolean;
  readonly onStop: (mode: StopMode) => void;
  readonly onClose: () => void;
}

export function StopDialog({ isStopping, onStop, onClose }: StopProps) {
  return (
    <Dialog title={t.run.stopTitle} name="stop-dialog" onClose={onClose}>
      <p>{t.run.stopNote}</p>
      <div className="buttons">
        <Button disabled={isStopping} onClick={() => onStop("soft")} data-testid="stop-soft">
          {isStopping ? t.run.stopsSoftly : t.run.stopSoft}
        </Button>
        <Button look="danger" onClick={() => onStop("hard")} data-testid="stop-hard">
          {t.run.stopHard}
        </Button>
        <Button onClick={onClose}>{t.ui.cancel}</Button>
      </div>
    </Dialog>
  );
}
