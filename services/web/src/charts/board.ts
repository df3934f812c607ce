/**
 * A dashboard being composed: panels on a grid of 12 columns that never overlap. Pure.
 *
 * A panel that is put where others are pushes them down; then all fall up as far as they
 * can, so that there are no holes to look after.
 */

import type { Dashboard, DashboardPanel, PanelKind, PanelSeries } from "../contract";

export const COLUMNS = 12;
export const MOST_ROWS = 400;
export const MOST_PANELS = 50;
export const MOST_SERIES = 20;
const SMALLEST = { w: 2, h: 1 };

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** What is edited: the rest of a dashboard is the backend's to say. */
export type Draft = Pick<Dashboard, "title" | "description" | "span_ms" | "panels">;

const SIZES: Readonly<Record<PanelKind, { readonly w: number; readonly h: number }>> = {
  chart: { w: 6, h: 4 },
  value: { w: 3, h: 2 },
  alarms: { w: 6, h: 4 },
  runs: { w: 6, h: 4 },
};

const overlap = (one: Place, other: Place): boolean =>
  one.x < other.x + other.w &&
  other.x < one.x + one.w &&
  one.y < other.y + other.h &&
  other.y < one.y + one.h;

const inOrder = (one: Place, other: Place): number => one.y - other.y || one.x - other.x;

/** On the grid, and not too small. */
export function fitted(place: Place): Place {
  const w = Math.min(Math.max(Math.round(place.w), SMALLEST.w), COLUMNS);
  const h = Math.min(Math.max(Math.round(place.h), SMALLEST.h), MOST_ROWS);
  const x = Math.min(Math.max(Math.round(place.x), 0), COLUMNS - w);
  const y = Math.min(Math.max(Math.round(place.y), 0), MOST_ROWS - h);
  return { x, y, w, h };
}

/** All panels, none on another; `first` stays where it is as far as there is no hole. */
export function settled(
  panels: readonly DashboardPanel[],
  first: string | null = null,
): readonly DashboardPanel[] {
  const kept = panels.find(({ panel }) => panel === first);
  const rest = panels.filter((panel) => panel !== kept).sort(inOrder);
  const pushed: DashboardPanel[] = kept ? [kept] : [];
  for (const panel of rest) {
    let moved = panel;
    for (let hit = blocker(pushed, moved); hit; hit = blocker(pushed, moved)) {
      moved = { ...moved, y: hit.y + hit.h };
    }
    pushed.push(moved);
  }
  const fallen: DashboardPanel[] = [];
  for (const panel of pushed.sort(inOrder)) {
    let moved = panel;
    while (moved.y > 0 && !blocker(fallen, { ...moved, y: moved.y - 1 })) {
      moved = { ...moved, y: moved.y - 1 };
    }
    fallen.push(moved);
  }
  return fallen;
}

function blocker(panels: readonly DashboardPanel[], place: Place): DashboardPanel | undefined {
  return panels.find((panel) => overlap(panel, place));
}

/** A panel at another place, or of another size. */
export function placed(draft: Draft, panel: string, change: Partial<Place>): Draft {
  const panels = draft.panels.map((one) =>
    one.panel === panel ? { ...one, ...fitted({ ...one, ...change }) } : one,
  );
  return { ...draft, panels: settled(panels, panel) };
}

/** One column or row further: what the arrow keys do. */
export function nudged(
  draft: Draft,
  panel: string,
  key: string,
  isResizing: boolean,
): Draft | null {
  const one = draft.panels.find((each) => each.panel === panel);
  if (!one) return null;
  const [right, down] = STEPS[key] ?? [0, 0];
  if (right === 0 && down === 0) return null;
  if (isResizing) return placed(draft, panel, { w: one.w + right, h: one.h + down });
  // Up and down change places with what is there: a single row further it would fall back.
  const isBeside = (each: Place) => each.x < one.x + one.w && one.x < each.x + each.w;
  const beside = draft.panels.filter((each) => each !== one && isBeside(each)).sort(inOrder);
  const below = beside.find(({ y }) => y >= one.y + one.h);
  const above = beside.findLast(({ y, h }) => y + h <= one.y);
  if (down > 0) return below ? placed(draft, below.panel, { y: one.y }) : null;
  if (down < 0) return above ? placed(draft, panel, { y: above.y }) : null;
  return placed(draft, panel, { x: one.x + right });
}

const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** A new panel below all others, or in the first gap that is wide enough beside them. */
export function added(draft: Draft, kind: PanelKind, series: readonly PanelSeries[] = []): Draft {
  const size = SIZES[kind];
  const bottom = Math.max(0, ...draft.panels.map(({ y, h }) => y + h));
  const lastRow = draft.panels.filter(({ y, h }) => y + h === bottom);
  const right = Math.max(0, ...lastRow.map(({ x, w }) => x + w));
  const top = lastRow[0]?.y ?? 0;
  const beside = { ...size, x: right, y: top };
  const isFree = right + size.w <= COLUMNS && !blocker(draft.panels, beside);
  const place = isFree ? beside : { ...size, x: 0, y: bottom };
  const panel: DashboardPanel = {
    panel: freshId(
      draft.panels.map((one) => one.panel),
      kind,
    ),
    kind,
    ...place,
    title: "",
    series: kind === "chart" || kind === "value" ? series : [],
    labels: null,
    low: null,
    high: null,
    unit: "",
  };
  return { ...draft, panels: settled([...draft.panels, panel]) };
}

export function removed(draft: Draft, panel: string): Draft {
  return { ...draft, panels: settled(draft.panels.filter((one) => one.panel !== panel)) };
}

/** A panel with another content. */
export function changed(draft: Draft, panel: string, change: Partial<DashboardPanel>): Draft {
  const panels = draft.panels.map((one) => (one.panel === panel ? { ...one, ...change } : one));
  return { ...draft, panels };
}

export function draftOf({ title, description, span_ms, panels }: Dashboard): Draft {
  return { title, description, span_ms, panels };
}

/** Whether saving it would change anything. */
export function isChanged(draft: Draft, saved: Dashboard): boolean {
  return JSON.stringify(draft) !== JSON.stringify(draftOf(saved));
}

/** An id made of a title: `press_shop`, `press_shop_2` where that is taken. */
export function freshId(taken: readonly string[], title: string): string {
  const plain = title
    .normalize("NFD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 56);
  const base = plain || "dashboard";
  if (!taken.includes(base)) return base;
  for (let number = 2; ; number += 1) {
    const id = `${base}_${number}`;
    if (!taken.includes(id)) return id;
  }
}
