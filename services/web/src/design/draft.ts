/**
 * What this browser keeps of a flow that is being edited: the unsaved definition, and where
 * the shapes stand. A full or forbidden storage costs no edit, only its safety net.
 */

import { type Definition, definitionOf, isRecord } from "./document";
import type { Places } from "./geometry";

/** An unsaved edit, and the revision of the flow that it began with; 0: of a new flow. */
export interface Draft {
  readonly definition: Definition;
  readonly revision: number;
  readonly atMs: number;
}

export interface Shelf {
  readonly draft: () => Draft | null;
  readonly keepDraft: (draft: Draft | null) => void;
  readonly places: () => Places;
  readonly keepPlaces: (places: Places) => void;
}

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export function shelf(store: Store, project: string, flow: string): Shelf {
  const draftKey = `heddle.design.${project}.${flow}`;
  const placesKey = `heddle.places.${project}.${flow}`;
  return {
    draft: () => draftIn(read(store, draftKey)),
    keepDraft: (draft) => write(store, draftKey, draft),
    places: () => placesIn(read(store, placesKey)),
    keepPlaces: (places) => write(store, placesKey, Object.fromEntries(places)),
  };
}

function read(store: Store, key: string): unknown {
  try {
    return JSON.parse(store.getItem(key) ?? "null");
  } catch {
    return null; // written by another version, or by hand
  }
}

function write(store: Store, key: string, value: unknown): void {
  try {
    if (value === null) store.removeItem(key);
    else store.setItem(key, JSON.stringify(value));
  } catch {
    // the storage is full or forbidden: the edit lives on in the page
  }
}

function draftIn(kept: unknown): Draft | null {
  if (!isRecord(kept)) return null;
  const definition = definitionOf(kept.definition);
  const { revision, atMs } = kept;
  const isWhole = definition && typeof revision === "number" && typeof atMs === "number";
  return isWhole ? { definition, revision, atMs } : null;
}

function placesIn(kept: unknown): Places {
  const places = new Map<string, { x: number; y: number }>();
  if (!isRecord(kept)) return places;
  for (const [id, place] of Object.entries(kept)) {
    if (!isRecord(place)) continue;
    const { x, y } = place;
    if (Number.isFinite(x) && Number.isFinite(y)) places.set(id, { x: Number(x), y: Number(y) });
  }
  return places;
}
