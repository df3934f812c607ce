/** What can be put on the canvas: dragged there, or added by a click or a key. */

import type { DragEvent } from "react";
import type { Kind } from "../../design/edits";
import { DISPATCHERS, GATEWAYS, LISTENERS } from "../../design/rules";
import { t } from "../../texts";

export const DRAGGED = "application/x-heddle-element";

/** A kind as a word: `GATEWAY/AND`. */
export const KINDS: ReadonlyMap<string, Kind> = new Map(
  [
    { elementType: "PHASE" },
    ...LISTENERS.map((type) => ({ elementType: "EVENT_LISTENER", type })),
    ...GATEWAYS.map((type) => ({ elementType: "GATEWAY", type })),
    ...DISPATCHERS.map((type) => ({ elementType: "EVENT_DISPATCHER", type })),
  ].map((kind: Kind) => [kind.type ? `${kind.elementType}/${kind.type}` : kind.elementType, kind]),
);

interface Props {
  readonly onAdd: (kind: string) => void;
}

export function Palette({ onAdd }: Props) {
  const groups = ["PHASE", "EVENT_LISTENER", "GATEWAY", "EVENT_DISPATCHER"] as const;
  return (
    <div className="design-palette" role="toolbar" aria-label={t.designer.palette.label}>
      {groups.map((group) => (
        <div key={group} className="design-group">
          <span className="quiet">{t.designer.palette[group]}</span>
          {[...KINDS].map(([name, { elementType, type }]) =>
            elementType === group ? (
              <button
                key={name}
                type="button"
                draggable
                onDragStart={(event: DragEvent) => {
                  event.dataTransfer.setData(DRAGGED, name);
                  event.dataTransfer.effectAllowed = "copy";
                }}
                onClick={() => onAdd(name)}
                title={t.designer.palette.hint}
                data-testid="palette-item"
                data-kind={type ?? elementType}
              >
                {t.designer.kinds[(type ?? elementType) as keyof typeof t.designer.kinds]}
              </button>
            ) : null,
          )}
        </div>
      ))}
    </div>
  );
}
