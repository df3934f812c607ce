/** The questions asked before an approval and before a stop. */

import type { FormEvent } from "react";
import type { ListenerReport, StopMode } from "../../contract";
import { Dialog } from "../../ui/Dialog";
import { short } from "../../workflow/words";

interface ApproveProps {
  readonly awaited: readonly ListenerReport[];
  readonly onApprove: (listener: string, comment: string) => void;
  readonly onClose: () => void;
}

export function ApproveDialog({ awaited, onApprove, onClose }: ApproveProps) {
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    onApprove(String(form.get("listener")), String(form.get("comment")).trim());
  }
  return (
    <Dialog title="Approve" name="approve-dialog" onClose={onClose}>
      <form onSubmit={submit}>
        <label>
          What to approve
          <select name="listener" data-testid="approve-listener">
            {awaited.map(({ listener, phase }) => (
              <option key={listener} value={listener}>
                {short(listener)}
                {phase ? ` in ${short(phase)}` : ""}
              </option>
            ))}
          </select>
        </label>
        <label>
          Comment, if you like
          <input name="comment" autoComplete="off" maxLength={500} data-testid="approve-comment" />
        </label>
        <div className="buttons">
          <button type="submit" className="primary" data-testid="approve-confirm">
            Approve
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
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
    <Dialog title="Stop this run?" name="stop-dialog" onClose={onClose}>
      <p>
        A soft stop lets the active phases end first. Stopping at once ends the run now, in the
        middle of its phases. Either way the run cannot be resumed.
      </p>
      <div className="buttons">
        <button
          type="button"
          disabled={isStopping}
          onClick={() => onStop("soft")}
          data-testid="stop-soft"
        >
          {isStopping ? "Stopping softly already" : "Stop softly"}
        </button>
        <button
          type="button"
          className="danger"
          onClick={() => onStop("hard")}
          data-testid="stop-hard"
        >
          Stop at once
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}
