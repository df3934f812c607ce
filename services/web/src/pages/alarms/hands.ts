/** Hands in a list that moves: its rows wait for them, and the focus stays with its row. */

import { type FocusEvent, type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { arrange, type Row } from "../../alarms/order";
import type { AlarmReport } from "../../contract";

const HELD_MS = 4_000; // after the last touch

/** Rows in their order; held, they are arranged around those that were there. */
export function useRows(alarms: readonly AlarmReport[], isHeld: boolean): readonly Row[] {
  const former = useRef<readonly Row[]>([]);
  const rows = useMemo(() => arrange(former.current, alarms, isHeld), [alarms, isHeld]);
  useEffect(() => {
    former.current = rows;
  }, [rows]);
  return rows;
}

/** A row that is moved, or whose button goes, does not lose the focus; else its place has it. */
export function useFocusKept(list: RefObject<HTMLDivElement | null>, rows: readonly Row[]) {
  const former = useRef<Readonly<Record<string, string | undefined>> | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever rows move
  useEffect(() => {
    const { current } = former;
    if (document.activeElement !== document.body || current === null) return;
    const found = [...(list.current?.querySelectorAll<HTMLElement>("[data-key]") ?? [])];
    const row =
      found.find(({ dataset }) => dataset.key === current.key) ??
      found.find(({ dataset }) => dataset.row === current.row);
    row?.focus({ preventScroll: true });
  }, [list, rows]);
  return ({ target }: FocusEvent) => {
    const { key, row } = target.closest<HTMLElement>("[data-key]")?.dataset ?? {};
    former.current = key ? { key, row } : null;
  };
}

/** Whether somebody has a hand in the list. */
export function useHeld() {
  const [isHeld, setHeld] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return {
    isHeld,
    touch: () => {
      clearTimeout(timer.current);
      timer.current = setTimeout(() => setHeld(false), HELD_MS);
      setHeld(true);
    },
    release: () => {
      clearTimeout(timer.current);
      setHeld(false);
    },
  };
}
