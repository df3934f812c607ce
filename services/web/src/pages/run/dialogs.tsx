/** The questions asked before an approval, a trigger by hand, and a stop. */

import type { ListenerReport, StopMode } from "../../contract";
import { t } from "../../texts";
import { Button } from "../../ui/basics";
import { Dialog } from "../../ui/Dialog";
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

interface ApproveProps extends AskedProps {
  readonly awaited: readonly ListenerReport[];
  readonly onApprove: (listener: string, comment: string) => void;
}

export function ApproveDialog({ awaited, workflow, chosen, onApprove, onClose }: ApproveProps) {
  return (
    <Dialog title={t.run.approveTitle} name="approve-dialog" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          onApprove(String(form.get("listener")), String(form.get("comment")).trim());
        }}
      >
        <label>
          {t.run.approveWhat}
          <select name="listener" data-testid="approve-listener" defaultValue={chosen}>
            {awaited.map((one) => (
              <option key={one.listener} value={one.listener}>
                {nameOf(one, workflow)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t.run.comment}
          <input name="comment" autoComplete="off" maxLength={500} data-testid="approve-comment" />
        </label>
        <div className="buttons">
          <Button type="submit" look="primary" data-testid="approve-confirm">
            {t.run.approveNow}
          </Button>
          <Button onClick={onClose}>{t.ui.cancel}</Button>
        </div>
      </form>
    </Dialog>
  );
}

interface TriggerProps extends AskedProps {
  readonly listening: readonly ListenerReport[];
  readonly onTrigger: (listener: string) => void;
}

export function TriggerDialog({ listening, workflow, chosen, onTrigger, onClose }: TriggerProps) {
  return (
    <Dialog title={t.run.triggerTitle} name="trigger-dialog" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onTrigger(String(new FormData(event.currentTarget).get("listener")));
        }}
      >
        <p>{t.run.triggerNote}</p>
        <label>
          {t.run.triggerWhat}
          <select name="listener" data-testid="trigger-listener" defaultValue={chosen}>
            {listening.map((one) => (
              <option key={one.listener} value={one.listener}>
                {nameOf(one, workflow)}
              </option>
            ))}
          </select>
        </label>
        <div className="buttons">
          <Button type="submit" look="danger" data-testid="trigger-confirm">
            {t.run.triggerNow}
          </Button>
          <Button onClick={onClose}>{t.ui.cancel}</Button>
        </div>
      </form>
    </Dialog>
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
