/**
 * The drawing: shapes are dragged, links drawn, moved and removed.
 *
 * The definition and the places are its owner's; xyflow only shows them and tells what the
 * person does. A link that the language forbids does not come to be, and the reason is told.
 */

import {
  type Connection,
  ConnectionLineType,
  Controls,
  type EdgeChange,
  type FinalConnectionState,
  MarkerType,
  type NodeChange,
  ReactFlow,
  SelectionMode,
  useReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { type DragEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { mayLead, refusal } from "../../design/connect";
import {
  isConditional,
  isListener,
  linksOf,
  partOf,
  phaseOf,
  shapesOf,
  textOf,
  typeOf,
} from "../../design/document";
import { asBranch, BRANCHES, bind, connect, moveLink } from "../../design/edits";
import { maySit, type Point, phaseAt, routesOf, SEAT, sizeOf } from "../../design/geometry";
import type { Highlight } from "../../design/highlight";
import { t } from "../../texts";
import type { Nodes } from "../../workflow/words";
import { type LinkEdge, LinkLine } from "./LinkLine";
import { DRAGGED } from "./Palette";
import { linesOf, nameOf } from "./sentences";
import { Shape, type ShapeNode } from "./shapes";
import type { Design } from "./useDesign";
import type { Counts } from "./useFindings";

const NODE_TYPES = { shape: Shape, conditional: Shape };
const EDGE_TYPES = { link: LinkLine };
const ARROW = {
  type: MarkerType.ArrowClosed,
  width: 18,
  height: 18,
  markerUnits: "userSpaceOnUse",
} as const;

interface Props {
  readonly design: Design;
  readonly nodes: Nodes;
  readonly counts: ReadonlyMap<string, Counts>;
  readonly highlight: Highlight | null;
  readonly isReadOnly: boolean;
  readonly onDrop: (kind: string, at: Point) => void;
  readonly onRefused: (reason: string) => void;
}

export function Canvas(props: Props) {
  const { design, nodes, counts, highlight, isReadOnly, onDrop, onRefused } = props;
  const { definition, boxes, chosen, places } = design;
  const flow = useReactFlow<ShapeNode, LinkEdge>();
  const [drawingFrom, setDrawingFrom] = useState<string | null>(null);
  const moved = useRef<string | null>(null); // the link whose end is being dragged

  const shapes = useMemo(
    () =>
      shapesOf(definition)
        .toSorted((one, other) => Number(isListener(one)) - Number(isListener(other)))
        .map((part): ShapeNode => {
          const phase = phaseOf(definition, part);
          const box = boxes.get(part.id) ?? { x: 0, y: 0, ...sizeOf(definition, part) };
          const [width, height] = phase ? [SEAT, SEAT] : [box.width, box.height];
          const found = counts.get(part.id);
          const isRefused =
            drawingFrom !== null &&
            drawingFrom !== part.id &&
            refusal(definition, drawingFrom, part.id, moved.current) !== null;
          return {
            id: part.id,
            type: isConditional(part) ? "conditional" : "shape",
            position: { x: box.x, y: box.y },
            width,
            height,
            measured: { width, height },
            draggable: !isReadOnly && phase === null,
            selected: chosen.has(part.id),
            ariaLabel: nameOf(part),
            zIndex: phase ? 1 : 0,
            data: {
              id: part.id,
              elementType: part.elementType,
              type: typeOf(part),
              lines: linesOf(part, nodes),
              height,
              isSeated: phase !== null,
              isLit: highlight?.active.has(part.id) ?? false,
              count: highlight?.activations.get(part.id) ?? 0,
              isRefused,
              errors: found?.errors ?? 0,
              warnings: found?.warnings ?? 0,
              mayLead: mayLead(part.elementType),
            },
          };
        }),
    [definition, boxes, chosen, nodes, counts, highlight, isReadOnly, drawingFrom],
  );

  const links = useMemo(() => {
    const routes = routesOf(definition, boxes);
    return linksOf(definition).flatMap((link): LinkEdge[] => {
      const [source, target] = [String(link.srcId), String(link.destId)];
      const from = partOf(definition, source);
      if (!from || !boxes.has(source) || !boxes.has(target)) return [];
      const branch = BRANCHES.find((name) => textOf(from, name) === link.id);
      const handle = isConditional(from) ? (branch ?? "trueFlowId") : null;
      return [
        {
          id: link.id,
          type: "link",
          source,
          target,
          sourceHandle: handle,
          selected: chosen.has(link.id),
          reconnectable: !isReadOnly,
          markerEnd: ARROW,
          ariaLabel: t.designer.linkName(source, target),
          data: {
            route: routes.get(link.id) ?? null,
            branch: branch && isConditional(from) ? t.designer.branches[branch] : null,
            isLit: highlight?.link === link.id,
            errors: counts.get(link.id)?.errors ?? 0,
          },
        },
      ];
    });
  }, [definition, boxes, chosen, counts, highlight, isReadOnly]);

  const isFirst = useRef(definition.elements.length > 0); // an empty canvas stays where it is
  useEffect(() => {
    if (!design.isArranged || !isFirst.current || places.size === 0) return;
    isFirst.current = false;
    requestAnimationFrame(() => void flow.fitView(FIT));
  }, [design.isArranged, places, flow]);

  // A window turned or narrowed shows another part: what was seen whole stays so.
  const fitted = useRef(0);
  useEffect(() => {
    const frame = document.querySelector(".design-canvas");
    if (!frame) return;
    const observer = new ResizeObserver(([seen]) => {
      const width = seen?.contentRect.width ?? 0;
      const isOther = Math.abs(width - fitted.current) > REFIT * fitted.current;
      if (fitted.current > 0 && isOther) requestAnimationFrame(() => void flow.fitView(FIT));
      if (isOther) fitted.current = width;
    });
    observer.observe(frame);
    return () => observer.disconnect();
  }, [flow]);

  function choose(changes: readonly (NodeChange<ShapeNode> | EdgeChange<LinkEdge>)[]) {
    const selected = changes.filter((change) => change.type === "select");
    if (selected.length === 0) return;
    design.choose((was) => {
      const next = new Set(was);
      for (const { id, selected: isChosen } of selected) {
        if (isChosen) next.add(id);
        else next.delete(id);
      }
      return next;
    });
  }

  function onNodesChange(changes: NodeChange<ShapeNode>[]) {
    choose(changes);
    if (isReadOnly) return;
    const moved = new Map<string, Point>();
    for (const change of changes) {
      if (change.type !== "position" || !change.position) continue;
      const former = places.get(change.id);
      const { x, y } = change.position;
      if (former && (former.x !== x || former.y !== y)) moved.set(change.id, { x, y });
    }
    if (moved.size > 0) design.place(moved, "move");
  }

  const mayJoin = useCallback(
    ({ source, target }: { source: string | null; target: string | null }) =>
      source !== null &&
      target !== null &&
      refusal(definition, source, target, moved.current) === null,
    [definition],
  );

  function onConnect({ source, target, sourceHandle }: Connection) {
    const branch = BRANCHES.find((name) => name === sourceHandle) ?? null;
    design.edit((was) => connect(was, source, target, branch));
  }

  function onReconnect(link: LinkEdge, { source, target, sourceHandle }: Connection) {
    const branch = BRANCHES.find((name) => name === sourceHandle) ?? null;
    design.edit((was) => {
      const led = moveLink(was, link.id, source, target);
      return branch && led !== was ? asBranch(led, link.id, branch) : led;
    });
  }

  /** Tells why nothing came of a link that was dropped on a shape. */
  function onDrawn(_event: unknown, state: FinalConnectionState) {
    setDrawingFrom(null);
    const [from, to] = [state.fromNode?.id, state.toNode?.id];
    if (state.isValid || !from || !to) return;
    const [source, target] = state.fromHandle?.type === "target" ? [to, from] : [from, to];
    const why = refusal(definition, source, target, moved.current);
    if (why) onRefused(t.designer.refusals[why](source, target));
  }

  function onDragStop(_event: unknown, node: ShapeNode) {
    const part = partOf(definition, node.id);
    if (!part || !maySit(part) || isReadOnly) return;
    const middle = { x: node.position.x + SEAT / 2, y: node.position.y + SEAT / 2 };
    const phase = phaseAt(definition, boxes, middle);
    if (phase) design.edit((was) => bind(was, node.id, phase));
  }

  function drop(event: DragEvent) {
    const kind = event.dataTransfer.getData(DRAGGED);
    if (!kind) return;
    event.preventDefault();
    onDrop(kind, flow.screenToFlowPosition({ x: event.clientX, y: event.clientY }));
  }

  return (
    <ReactFlow<ShapeNode, LinkEdge>
      nodes={shapes}
      edges={links}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      onNodesChange={onNodesChange}
      onEdgesChange={choose}
      onConnect={onConnect}
      onConnectStart={(_event, { nodeId }) => setDrawingFrom(nodeId)}
      onConnectEnd={onDrawn}
      onReconnect={onReconnect}
      onReconnectStart={(_event, link) => {
        moved.current = link.id;
      }}
      onReconnectEnd={() => {
        moved.current = null;
      }}
      onNodeDragStop={onDragStop}
      isValidConnection={mayJoin}
      onDragOver={(event) => {
        if (!isReadOnly && event.dataTransfer.types.includes(DRAGGED)) event.preventDefault();
      }}
      onDrop={drop}
      nodesConnectable={!isReadOnly}
      deleteKeyCode={null}
      multiSelectionKeyCode={["Control", "Meta"]}
      selectionMode={SelectionMode.Partial}
      connectionRadius={36}
      connectionLineType={ConnectionLineType.Bezier}
      minZoom={0.15}
      maxZoom={2}
      nodeDragThreshold={2}
      zoomOnDoubleClick={false}
      preventScrolling
      ariaLabelConfig={t.designer.canvas}
      className={drawingFrom === null ? "" : "drawing"}
      data-testid="canvas"
    >
      <Controls showInteractive={false} fitViewOptions={FIT} />
    </ReactFlow>
  );
}

const REFIT = 0.25; // of the width
export const FIT = { padding: 0.12, maxZoom: 1.1, duration: 0 } as const;
