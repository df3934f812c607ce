/** Asks before a command that takes something away, gives it, and says that it was done. */

import type { ReactNode } from "react";
import { FormDialog } from "../ui/Dialog";
import { useToast } from "../ui/toasts";
import type { Telling } from "./asking";

interface Props<Request> {
  readonly telling: Telling<Request, unknown>;
  readonly request: Request;
  readonly ids?: Readonly<Record<string, string>>;
  readonly title: string;
  readonly name: string; // for tests
  readonly submit: string;
  readonly done: string; // said afterwards
  readonly onDone?: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode; // what it means
}

export function ConfirmDialog<Request>(props: Props<Request>) {
  const { telling, request, ids, title, name, submit, done, onDone, onClose, children } = props;
  const note = useToast();
  async function give() {
    if (!(await telling.tell(request, ids))) return;
    note(done);
    onDone?.();
    onClose();
  }
  return (
    <FormDialog
      title={title}
      name={name}
      submit={submit}
      isDanger
      isBusy={telling.busy !== null}
      problem={telling.problem}
      onSubmit={() => void give()}
      onClose={onClose}
    >
      {children}
    </FormDialog>
  );
}
