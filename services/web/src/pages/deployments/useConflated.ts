/** Work that many events ask for: done soon, never twice at a time, at most so often. */

import { useEffect, useRef } from "react";

/** `const look = useConflated(refetch, 1_000)`: call `look` as often as you like. */
export function useConflated(work: () => Promise<unknown>, everyMs: number): () => void {
  const newest = useRef(work);
  newest.current = work;
  const state = useRef({ isWanted: false, isBusy: false, isOver: false });
  useEffect(() => {
    const held = state.current;
    held.isOver = false;
    return () => {
      held.isOver = true;
    };
  }, []);
  return useRef(() => {
    const held = state.current;
    held.isWanted = true;
    if (held.isBusy) return;
    held.isBusy = true;
    const rest = () => new Promise((resolve) => setTimeout(resolve, everyMs));
    void (async () => {
      while (held.isWanted && !held.isOver) {
        held.isWanted = false;
        await newest.current().catch(() => {}); // the question itself tells its failure
        await rest();
      }
      held.isBusy = false;
    })();
  }).current;
}
