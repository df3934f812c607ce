/** Live values for components: each redraws only when its own value moves. */

import { useCallback, useSyncExternalStore } from "react";
import type { LiveValues, Reading } from "../telemetry/live";

export function useReading(values: LiveValues, tag: string): Reading | undefined {
  const get = useCallback(() => values.readings().get(tag), [values, tag]);
  return useSyncExternalStore(values.watch, get);
}

const NONE: ReadonlySet<string> = new Set();

/** The names of the values that are not good; none where nobody asks. */
export function useFlawed(values: LiveValues, isWanted: boolean): ReadonlySet<string> {
  const get = useCallback(() => (isWanted ? flawedNames(values) : ""), [values, isWanted]);
  const names = useSyncExternalStore(values.watch, get);
  return names === "" ? NONE : new Set(names.split(" "));
}

function flawedNames(values: LiveValues): string {
  return [...values.readings()]
    .filter(([, { quality }]) => quality > 0)
    .map(([tag]) => tag)
    .join(" ");
}
