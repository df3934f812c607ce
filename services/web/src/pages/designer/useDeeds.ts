/** What a person does to the drawing as a whole: adds, removes, copies, and the keys for it. */

import { useReactFlow } from "@xyflow/react";
import { useEffect, useRef } from "react";
import { refusal } from "../../design/connect";
import { isPhase, isRecord, type Part, partOf, phaseOf, shapesOf } from "../../design/document";
import { add, connect, copyOf, paste, remove } from "../../design/edits";
import {
  boxesOf,
  freePlace,
  maySit,
  type Point,
  phaseAt,
  placeAfter,
  sizeOf,
} from "../../design/geometry";
import { KINDS } from "./Palette";
import type { Design } from "./useDesign";

const OFFSET = 40; // of what is pasted
const TYPED_INTO = "input, textarea, select, [contenteditable=true], .cm-editor";

export interface Deeds {
  readonly add: (kind: string) => void; // after what is chosen, else in the middle
  readonly drop: (kind: string, at: Point) => void;
  readonly remove: () => void;
  readonly duplicate: () => void;
}

export function useDeeds(design: Design, isReadOnly: boolean, save: () => void): Deeds {
  const flow = useReactFlow();
  const copied = useRef<readonly Part[]>([]);

  function put(kind: string, phase: string | null, at: Point | null, after: string | null) {
    const what = KINDS.get(kind);
    if (!what || isReadOnly) return;
    const added = add(design.definition, what, phase);
    const part = partOf(added.definition, added.id);
    if (!part) return;
    const joined =
      after !== null && refusal(added.definition, after, added.id) === null
        ? connect(added.definition, after, added.id)
        : added.definition;
    const places = new Map(design.places);
    if (at && phase === null) places.set(added.id, at);
    design.put(joined, places);
    design.choose([added.id]);
  }

  function addAfter(kind: string) {
    const what = KINDS.get(kind);
    if (!what) return;
    const [only] = design.chosen.size === 1 ? design.chosen : [];
    const chosen = only === undefined ? undefined : partOf(design.definition, only);
    if (chosen && isPhase(chosen) && maySit(what)) return put(kind, chosen.id, null, null);
    const sample: Part = { id: "", ...what };
    const size = sizeOf(design.definition, sample);
    const beside = chosen && placeAfter(design.definition, design.boxes, chosen.id, sample);
    const middle = flow.screenToFlowPosition(middleOf(document.querySelector(".design-canvas")));
    const wanted = { x: middle.x - size.width / 2, y: middle.y - size.height / 2 };
    const at = beside ?? freePlace(design.boxes.values(), wanted, size);
    put(kind, null, at, chosen?.id ?? null);
    requestAnimationFrame(() => void showAll(at, size));
  }

  /** Goes on where the drawing does, if what is new is out of sight. */
  async function showAll(at: Point, size: { width: number; height: number }) {
    const frame = document.querySelector(".design-canvas")?.getBoundingClientRect();
    if (!frame) return;
    const start = flow.flowToScreenPosition(at);
    const end = flow.flowToScreenPosition({ x: at.x + size.width, y: at.y + size.height });
    const isSeen =
      start.x >= frame.left &&
      start.y >= frame.top &&
      end.x <= frame.right &&
      end.y <= frame.bottom;
    if (!isSeen) await flow.fitView({ padding: 0.12, maxZoom: 1.1 });
  }

  function drop(kind: string, at: Point) {
    const what = KINDS.get(kind);
    if (!what) return;
    const phase = maySit(what) ? phaseAt(design.definition, design.boxes, at) : null;
    const size = sizeOf(design.definition, { id: "", ...what });
    put(kind, phase, { x: at.x - size.width / 2, y: at.y - size.height / 2 }, null);
  }

  function removeChosen() {
    design.edit((was) => remove(was, design.chosen));
    design.choose([]);
  }

  function pasteAll(parts: readonly Part[]) {
    if (isReadOnly || parts.length === 0) return;
    const { definition, renamed } = paste(design.definition, parts);
    const places = new Map(design.places);
    for (const [former, fresh] of renamed) {
      const part = partOf(definition, fresh);
      const place = places.get(former);
      if (!part || !place || phaseOf(definition, part)) continue;
      const wanted = { x: place.x + OFFSET, y: place.y + OFFSET };
      const taken = boxesOf(design.definition, design.places).values();
      places.set(fresh, freePlace(taken, wanted, sizeOf(definition, part)));
    }
    design.put(definition, places);
    design.choose(
      [...renamed.values()].filter((id) => partOf(definition, id)?.elementType !== "FLOW"),
    );
  }

  const duplicate = () => pasteAll(copyOf(design.definition, design.chosen));

  const newest = useRef({ design, duplicate, pasteAll, removeChosen, save });
  newest.current = { design, duplicate, pasteAll, removeChosen, save };
  useEffect(() => {
    const isTyping = (event: Event) => {
      const path = event.composedPath()[0];
      return path instanceof Element && path.closest(TYPED_INTO) !== null;
    };
    const isBusy = () => document.querySelector("dialog[open]") !== null;
    const isOnDrawing = (event: Event) =>
      event.target === document.body ||
      (event.target instanceof Element && event.target.closest(".design-drawing") !== null);
    function onKey(event: KeyboardEvent) {
      const isRemoval = event.key === "Delete" || event.key === "Backspace";
      if (isRemoval && isOnDrawing(event) && !isTyping(event) && !isBusy() && !isReadOnly) {
        event.preventDefault();
        newest.current.removeChosen();
        return;
      }
      if (!(event.ctrlKey || event.metaKey) || event.altKey || isBusy()) return;
      const { design: now, duplicate: twice, save: keep } = newest.current;
      const key = event.key.toLowerCase();
      const deed =
        key === "s"
          ? keep
          : isTyping(event)
            ? null
            : key === "z"
              ? event.shiftKey
                ? now.redo
                : now.undo
              : key === "y"
                ? now.redo
                : key === "d"
                  ? twice
                  : key === "a"
                    ? () => now.choose(shapesOf(now.definition).map(({ id }) => id))
                    : null;
      if (!deed || isReadOnly) return;
      event.preventDefault();
      deed();
    }
    function onClipboard(event: ClipboardEvent) {
      if (isTyping(event) || isBusy() || getSelection()?.toString()) return;
      const { design: now, pasteAll: put, removeChosen: cut } = newest.current;
      if (event.type === "paste") {
        const text = event.clipboardData?.getData("text/plain") ?? "";
        const parts = partsIn(text) ?? copied.current;
        event.preventDefault();
        put(parts);
        return;
      }
      const parts = copyOf(now.definition, now.chosen);
      if (parts.length === 0) return;
      copied.current = parts;
      event.clipboardData?.setData("text/plain", JSON.stringify({ elements: parts }, null, 2));
      event.preventDefault();
      if (event.type === "cut" && !isReadOnly) cut();
    }
    window.addEventListener("keydown", onKey);
    for (const name of ["copy", "cut", "paste"] as const) {
      document.addEventListener(name, onClipboard);
    }
    return () => {
      window.removeEventListener("keydown", onKey);
      for (const name of ["copy", "cut", "paste"] as const) {
        document.removeEventListener(name, onClipboard);
      }
    };
  }, [isReadOnly]);

  return { add: addAfter, drop, remove: removeChosen, duplicate };
}

function middleOf(element: Element | null): Point {
  const box = element?.getBoundingClientRect() ?? new DOMRect();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** Elements in a clipboard's text, of this flow or another. */
function partsIn(text: string): readonly Part[] | null {
  try {
    const read: unknown = JSON.parse(text);
    const parts = isRecord(read) && Array.isArray(read.elements) ? read.elements : null;
    const isWhole = parts?.every(
      (one) => isRecord(one) && typeof one.id === "string" && typeof one.elementType === "string",
    );
    return isWhole ? (parts as Part[]) : null;
  } catch {
    return null; // a text of something else
  }
}
