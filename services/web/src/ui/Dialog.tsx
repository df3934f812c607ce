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
  useEffect(() => {
    dialog.current?.showModal();
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
  readonly isBusy?: boolean;
  readonly isDanger?: boolean;
  readonly isReady?: boolean; // false: something is still missing
  readonly problem?: string | null;
  readonly onSubmit: (form: FormData) => void;
}

/** A dialog that asks: fields, the sentence of a refusal, the deed, and the way out. */
export function FormDialog({
  submit,
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
            data-testid={`${rest.name}-submit`}
          >
            {submit}
          </Button>
          <Button onClick={rest.onClose}>{t.ui.cancel}</Button>
        </div>
      </form>
    </Dialog>
  );
}
