/** Short notes that something was done; they go by themselves, and are read out. */

import { createContext, type ReactNode, use, useCallback, useState } from "react";

const SHOWN_MS = 5_000;
const ToastContext = createContext<(text: string) => void>(() => {});

interface Toast {
  readonly id: number;
  readonly text: string;
}

let made = 0;

export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const tell = useCallback((text: string) => {
    made += 1;
    const toast = { id: made, text };
    setToasts((known) => [...known, toast]);
    setTimeout(() => setToasts((known) => known.filter(({ id }) => id !== toast.id)), SHOWN_MS);
  }, []);
  return (
    <ToastContext value={tell}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map(({ id, text }) => (
          <p key={id} data-testid="toast">
            {text}
          </p>
        ))}
      </div>
    </ToastContext>
  );
}

/** `const note = useToast(); note("Saved.")` */
export function useToast(): (text: string) => void {
  return use(ToastContext);
}
