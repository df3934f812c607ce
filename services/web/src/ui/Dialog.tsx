/** Modal dialogs: the browser's own, so Escape and the focus are its business. */

import { type FormEvent, type ReactNode, useEffect, useRef } from "react";
import { t } from "../texts";
import { Button, Problem } from "./basics";

interface DialogProps {
  readonly title: string;
  readonly name: string; // for tests
  readonly isWide?: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Dialog({ title, name, isWide = false, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const former = useRef(document.activeElement); // gets the focus back
  useEffect(() => {
    dialog.current?.showModal();
    const { current } = former;
    return () => {
      if (current instanceof HTMLElement && current.isConnected) {
        current.focus({ preventScroll: true });
      }
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={isWide ? "wide" : undefined}
      aria-label={title}
      data-testid={name}
      onClose={onClose}
    >
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}

interface FormDialogProps extends DialogProps {
  readonly submit: string; // what the button says
  readonly submitName?: string; // for tests
  readonly back?: string; // what the way out says: `Cancel`
  readonly isBusy?: boolean;
  readonly isDanger?: boolean;
  readonly isReady?: boolean; // false: something is still missing
  readonly problem?: string | null;
  readonly onSubmit: (form: FormData) => void;
}

/** A dialog that asks: fields, the sentence of a refusal, the deed, and the way out. */
export function FormDialog({
  submit,
  submitName = undefined,
  back = t.ui.cancel,
  isBusy = false,
  isDanger = false,
  isReady = true,
  problem = null,
  onSubmit,
  children,
  ...rest
}: FormDialogProps) {
  function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    onSubmit(new FormData(event.currentTarget));
  }
  return (
    <Dialog {...rest}>
      <form onSubmit={send}>
        {children}
        {problem && <Problem>{problem}</Problem>}
        <div className="buttons">
          <Button
            type="submit"
            look={isDanger ? "danger" : "primary"}
            isBusy={isBusy}
            disabled={!isReady}
            data-testid={submitName ?? `${rest.name}-submit`}
          >
            {submit}
          </Button>
          <Button onClick={rest.onClose}>{back}</Button>
        </div>
      </form>
    </Dialog>
  );
}
