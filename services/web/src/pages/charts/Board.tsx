/**
 * The grid of a dashboard's panels. While it is edited, panels are moved by their heads and
 * resized by their corners, or by the arrow keys on either.
 */

import {
  type KeyboardEvent,
  memo,
  type PointerEvent as PointerEvent_,
  type ReactNode,
  useEffect,
  useRef,
  useState,
} from "react";
import { COLUMNS, type Draft, nudged, placed } from "../../charts/board";
import type { Span } from "../../charts/span";
import type { DashboardPanel } from "../../contract";
import { t } from "../../texts";
import { Button } from "../../ui/basics";
import { PanelBody } from "./panels";

interface Props {
  readonly draft: Draft;
  readonly span: Span;
  readonly onSpan: (span: Span) => void;
  readonly onDraft: ((draft: Draft) => void) | null; // null: it is looked at
  readonly onEdit: (panel: string) => void;
  readonly onRemove: (panel: string) => void;
}

const ROW_PX = 64;
const GAP_PX = 8;

export function Board({ draft, span, onSpan, onDraft, onEdit, onRemove }: Props) {
  const grid = useRef<HTMLDivElement>(null);
  // While it is edited nothing changes its place in the document: it would lose the pointer.
  const panels = [...draft.panels].sort(onDraft ? byId : byPlace);

  /** Follows a pointer from where it went down, in steps of the grid. */
  function drag(event: PointerEvent_, panel: DashboardPanel, isResizing: boolean) {
    const element = grid.current;
    if (!onDraft || !element || event.button !== 0) return;
    event.preventDefault();
    const handle = event.currentTarget;
    handle.setPointerCapture(event.pointerId);
    const [x, y] = [event.clientX, event.clientY];
    const column = (element.clientWidth + GAP_PX) / COLUMNS;
    const begun = draft;
    const move = (moved: Event) => {
      const { clientX, clientY } = moved as PointerEvent;
      const right = Math.round((clientX - x) / column);
      const down = Math.round((clientY - y) / (ROW_PX + GAP_PX));
      onDraft(
        placed(
          begun,
          panel.panel,
          isResizing
            ? { w: panel.w + right, h: panel.h + down }
            : { x: panel.x + right, y: panel.y + down },
        ),
      );
    };
    const up = () => {
      handle.removeEventListener("pointermove", move);
      handle.removeEventListener("pointerup", up);
      handle.removeEventListener("pointercancel", up);
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", up);
    handle.addEventListener("pointercancel", up);
  }
  function press(event: KeyboardEvent, panel: DashboardPanel, isResizing: boolean) {
    const next = onDraft && nudged(draft, panel.panel, event.key, isResizing || event.shiftKey);
    if (!next) return;
    event.preventDefault();
    onDraft(next);
  }

  return (
    <div className="board" ref={grid} data-testid="board" data-editing={onDraft !== null}>
      {panels.map((panel) => (
        <Frame
          key={panel.panel}
          panel={panel}
          tools={
            onDraft && {
              onGrab: (event, isResizing) => drag(event, panel, isResizing),
              onKey: (event, isResizing) => press(event, panel, isResizing),
              onEdit: () => onEdit(panel.panel),
              onRemove: () => onRemove(panel.panel),
            }
          }
        >
          <Body panel={panel} span={span} onSpan={onSpan} />
        </Frame>
      ))}
    </div>
  );
}

interface BodyProps {
  readonly panel: DashboardPanel;
  readonly span: Span;
  readonly onSpan: (span: Span) => void;
}

const byId = (one: DashboardPanel, other: DashboardPanel) => (one.panel < other.panel ? -1 : 1);
const byPlace = (one: DashboardPanel, other: DashboardPanel) => one.y - other.y || one.x - other.x;

/** A panel's content; out of view it draws nothing. */
const Body = memo(function Body({ panel, span, onSpan }: BodyProps) {
  const [isSeen, setSeen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new IntersectionObserver(
      ([entry]) => setSeen(entry?.isIntersecting ?? false),
      { rootMargin: "120px" },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <div
      className="board-body"
      ref={place}
      data-seen={isSeen}
      tabIndex={panel.kind === "chart" ? -1 : 0}
    >
      <PanelBody panel={panel} span={span} onSpan={onSpan} isSeen={isSeen} />
    </div>
  );
});

interface Tools {
  readonly onGrab: (event: PointerEvent_, isResizing: boolean) => void;
  readonly onKey: (event: KeyboardEvent, isResizing: boolean) => void;
  readonly onEdit: () => void;
  readonly onRemove: () => void;
}

interface FrameProps {
  readonly panel: DashboardPanel;
  readonly tools: Tools | null;
  readonly children: ReactNode;
}

function Frame({ panel, tools, children }: FrameProps) {
  const { x, y, w, h } = panel;
  const title = titleOf(panel);
  return (
    <section
      className="panel board-panel"
      aria-label={title}
      data-testid="board-panel"
      data-panel={panel.panel}
      data-kind={panel.kind}
      data-place={`${x},${y},${w},${h}`}
      style={{
        gridColumn: `${x + 1} / span ${w}`,
        gridRow: `${y + 1} / span ${h}`,
        order: y * COLUMNS + x,
      }}
    >
      <div className="board-head">
        {tools && (
          <button
            type="button"
            className="plain board-handle"
            aria-label={t.charts.handle(title)}
            title={t.charts.moveHint}
            onPointerDown={(event) => tools.onGrab(event, false)}
            onKeyDown={(event) => tools.onKey(event, false)}
            data-testid="panel-handle"
          >
            ⠿
          </button>
        )}
        <h2>{title}</h2>
        {tools && (
          <div className="buttons">
            <Button
              look="plain"
              aria-label={`${t.charts.edit} ${title}`}
              onClick={tools.onEdit}
              data-testid="panel-edit"
            >
              {t.charts.edit}
            </Button>
            <Button
              look="plain"
              aria-label={`${t.charts.removePanel} ${title}`}
              onClick={tools.onRemove}
              data-testid="panel-remove"
            >
              {t.charts.removePanel}
            </Button>
          </div>
        )}
      </div>
      {children}
      {tools && (
        <button
          type="button"
          className="plain board-corner"
          aria-label={t.charts.resize(title)}
          title={t.charts.resize(title)}
          onPointerDown={(event) => tools.onGrab(event, true)}
          onKeyDown={(event) => tools.onKey(event, true)}
          data-testid="panel-corner"
        >
          ◢
        </button>
      )}
    </section>
  );
}

function titleOf({ title, kind, series }: DashboardPanel): string {
  if (title) return title;
  const tags = [...new Set(series.map(({ tag }) => tag))].join(", ");
  return tags || t.charts.kinds[kind];
}
