/** One flow being drawn: what it is, what it was, what is chosen, where things stand. */

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { arrange } from "../../design/arrange";
import { type Definition, isSame } from "../../design/document";
import type { Shelf } from "../../design/draft";
import { boxesOf, isUnsettled, type Places, settled } from "../../design/geometry";
import { amend, begin, edit, type History, redo, undo } from "../../design/history";

/** What undo brings back. */
interface Drawing {
  readonly definition: Definition;
  readonly places: Places;
}

type Chosen = Iterable<string>;

/** Where things stand in a drawing, as far as that is known. */
function settledIn({ definition, places }: Drawing): Places {
  return isUnsettled(definition, places) ? places : settled(definition, places);
}

export interface Design {
  readonly definition: Definition;
  readonly places: Places;
  readonly boxes: ReturnType<typeof boxesOf>;
  readonly isArranged: boolean; // false: the first layout is not there yet
  readonly chosen: ReadonlySet<string>;
  readonly choose: (ids: Chosen | ((was: ReadonlySet<string>) => Chosen)) => void;
  /** Applies an edit; a `group` of quick edits is undone at once. */
  readonly edit: (change: (definition: Definition) => Definition, group?: string) => void;
  readonly place: (moved: Places, group?: string) => void;
  readonly put: (definition: Definition, places: Places) => void;
  readonly arrange: () => void;
  readonly undo: () => void;
  readonly redo: () => void;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
}

export function useDesign(initial: Definition, shelf: Shelf): Design {
  const [history, setHistory] = useState<History<Drawing>>(() =>
    begin({ definition: initial, places: shelf.places() }),
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const { definition, places: known } = history.present;
  const places = useMemo(() => settledIn({ definition, places: known }), [definition, known]);
  const isArranged = places !== known || !isUnsettled(definition, known);
  const newest = useRef(definition);
  newest.current = definition;

  useEffect(() => {
    if (isArranged) return;
    let isOver = false;
    void arrange(definition, aspectOf()).then((found) => {
      if (isOver) return;
      setHistory((was) => amend(was, { ...was.present, places: found }));
    });
    return () => {
      isOver = true;
    };
  }, [definition, isArranged]);
  useEffect(() => {
    if (history.past.length > 0) shelf.keepPlaces(places);
  }, [history, places, shelf]);

  const put = useCallback((next: Definition, at: Places, group?: string) => {
    setHistory((was) => edit(was, { definition: next, places: at }, Date.now(), group ?? null));
  }, []);
  const boxes = useMemo(() => boxesOf(definition, places), [definition, places]);
  return {
    definition,
    places,
    boxes,
    isArranged,
    chosen,
    choose: useCallback((ids) => {
      setChosen((was) => {
        const next = new Set(typeof ids === "function" ? ids(was) : ids);
        return isEqual(was, next) ? was : next;
      });
    }, []),
    edit: (change, group) =>
      setHistory((was) => {
        const next = change(was.present.definition);
        if (next === was.present.definition || isSame(next, was.present.definition)) return was;
        const known = settledIn(was.present);
        return edit(was, { definition: next, places: known }, Date.now(), group ?? null);
      }),
    place: useCallback((moved, group) => {
      setHistory((was) => {
        const at = new Map([...settledIn(was.present), ...moved]);
        return edit(was, { ...was.present, places: at }, Date.now(), group ?? null);
      });
    }, []),
    put,
    arrange: () => {
      void arrange(newest.current, aspectOf()).then((found) =>
        setHistory((was) => edit(was, { ...was.present, places: found }, Date.now())),
      );
    },
    undo: useCallback(() => setHistory(undo), []),
    redo: useCallback(() => setHistory(redo), []),
    canUndo: history.past.length > 0,
    canRedo: history.future.length > 0,
  };
}

const isEqual = (one: ReadonlySet<string>, other: ReadonlySet<string>) =>
  one.size === other.size && [...one].every((id) => other.has(id));

const WIDER = 1.4; // fewer rows are easier to follow than large shapes

/** The width by the height that an arranged drawing shall have. */
function aspectOf(): number {
  const box = document.querySelector(".design-canvas")?.getBoundingClientRect();
  return box?.width && box.height
    ? Math.min(4, Math.max(0.7, (WIDER * box.width) / box.height))
    : 1.5;
}
