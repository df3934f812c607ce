/** One command at a time: busy while it is under way, its failure until the next one. */

import { useState } from "react";
import { ERRORS } from "../contract";
import { FleetError, sentenceOf } from "../wamp/errors";

/** One flaw of a workflow, as the details of `FlowInvalid` list it. */
export interface Finding {
  readonly rule: string;
  readonly element: string | null;
  readonly message: string;
}

export interface Command {
  readonly busy: string | null; // the name of the command under way
  readonly problem: string | null;
  readonly error: unknown;
  readonly findings: readonly Finding[];
  readonly perform: (name: string, act: () => Promise<void>) => Promise<boolean>;
  readonly forget: () => void; // the failure
}

export function useCommand(): Command {
  const [busy, setBusy] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  async function perform(name: string, act: () => Promise<void>): Promise<boolean> {
    setBusy(name);
    setError(null);
    try {
      await act();
      return true;
    } catch (thrown) {
      setError(thrown);
      return false;
    } finally {
      setBusy(null);
    }
  }
  return {
    busy,
    problem: error ? sentenceOf(error) : null,
    error,
    findings: findingsOf(error),
    perform,
    forget: () => setError(null),
  };
}

function findingsOf(error: unknown): readonly Finding[] {
  const isInvalid = error instanceof FleetError && error.uri === ERRORS.FlowInvalid;
  const found = isInvalid ? error.details.findings : null;
  return Array.isArray(found) ? (found as Finding[]) : [];
}
