/** The shapes on the canvas, as the live run draws them (pages/run/Graph.tsx). */

import { Handle, type Node, type NodeProps, Position } from "@xyflow/react";
import { memo, type ReactNode } from "react";
import { PHASE, SEAT, SMALL } from "../../design/geometry";
import { t } from "../../texts";
import { LISTENER_SIGNS } from "../../workflow/signs";
import { short } from "../../workflow/words";

export interface ShapeData extends Record<string, unknown> {
  readonly id: string;
  readonly elementType: string;
  readonly type: string;
  readonly lines: readonly string[]; // what it does, briefly
  readonly height: number;
  readonly isSeated: boolean; // a listener on a phase
  readonly isLit: boolean; // by a player
  readonly count: number; // of a gateway's activations in what is played
  readonly isRefused: boolean; // what is being drawn may not lead here
  readonly errors: number;
  readonly warnings: number;
  readonly mayLead: boolean;
}

export type ShapeNode = Node<ShapeData, "shape" | "conditional">;

export const Shape = memo(function Shape({ data, selected }: NodeProps<ShapeNode>) {
  const { elementType, type, mayLead } = data;
  const isConditional = elementType === "GATEWAY" && type === "CONDITIONAL";
  return (
    <div
      className={`design-shape ${elementType.toLowerCase().replace("_", "-")}`}
      title={[short(data.id), ...data.lines].join("\n")}
      data-testid="design-element"
      data-element-id={data.id}
      data-kind={type || elementType}
      data-selected={selected}
      data-lit={data.isLit}
      data-refused={data.isRefused}
      data-errors={data.errors}
      data-warnings={data.warnings}
      data-activations={data.count}
    >
      <Handle type="target" position={Position.Left} isConnectableStart={false} />
      <Figure data={data} />
      <Badge errors={data.errors} warnings={data.warnings} />
      {mayLead && !isConditional && <Handle type="source" position={Position.Right} />}
      {isConditional && (
        <>
          <Handle type="source" id="trueFlowId" position={Position.Right} />
          <Handle type="source" id="falseFlowId" position={Position.Bottom} />
        </>
      )}
    </div>
  );
});

function Badge({ errors, warnings }: { readonly errors: number; readonly warnings: number }) {
  if (errors + warnings === 0) return null;
  return (
    <span className={errors ? "design-badge bad" : "design-badge act"} data-testid="finding-badge">
      {errors + warnings}
    </span>
  );
}

function Figure({ data }: { readonly data: ShapeData }) {
  switch (data.elementType) {
    case "PHASE":
      return <PhaseFigure data={data} />;
    case "GATEWAY":
      return <GatewayFigure data={data} />;
    case "EVENT_LISTENER":
      return <ListenerFigure data={data} />;
    case "EVENT_DISPATCHER":
      return <DispatcherFigure data={data} />;
    default:
      return <Caption>{data.elementType}</Caption>;
  }
}

function PhaseFigure({ data: { id, lines, height } }: { readonly data: ShapeData }) {
  const [first, second, ...more] = lines;
  return (
    <div className="design-phase" style={{ width: PHASE.width, height }}>
      <strong>{short(id)}</strong>
      {first && <span>{first}</span>}
      {more.length > 0 ? <span>{t.designer.andMore(more.length + 1)}</span> : <span>{second}</span>}
    </div>
  );
}

const GATEWAY_SIGNS: Readonly<Record<string, string>> = { AND: "+", OR: "○", CONDITIONAL: "?" };

function GatewayFigure({ data }: { readonly data: ShapeData }) {
  const { type, id, lines, count } = data;
  const half = SMALL / 2;
  return (
    <>
      <svg width={SMALL} height={SMALL} aria-hidden="true">
        <path
          d={`M1 ${half} L${half} 1 L${SMALL - 1} ${half} L${half} ${SMALL - 1}Z`}
          className="outline"
        />
        <text x={half} y={half + 6} className="sign">
          {GATEWAY_SIGNS[type] ?? "…"}
        </text>
      </svg>
      {count > 0 && <span className="design-count">{t.designer.times(count)}</span>}
      <Caption above>{lines[0] ?? short(id)}</Caption>
    </>
  );
}

function ListenerFigure({ data }: { readonly data: ShapeData }) {
  const { type, id, lines, isSeated } = data;
  const size = isSeated ? SEAT : SMALL;
  const radius = size / 2 - 1;
  return (
    <>
      <svg width={size} height={size} aria-hidden="true">
        <circle cx={size / 2} cy={size / 2} r={radius} className="outline" />
        <path
          d={LISTENER_SIGNS[type] ?? ""}
          className={type === "START" ? "mark solid" : "mark"}
          transform={`translate(${size / 2} ${size / 2})`}
        />
      </svg>
      {isSeated ? (
        <span className="design-beside">{lines[0]}</span>
      ) : (
        <Caption>{lines[0] ?? short(id)}</Caption>
      )}
    </>
  );
}

function DispatcherFigure({ data: { type, id } }: { readonly data: ShapeData }) {
  const half = SMALL / 2;
  return (
    <>
      <svg width={SMALL} height={SMALL} aria-hidden="true">
        <circle cx={half} cy={half} r={half - 2} className="outline thick" />
        {type === "END" ? (
          <rect x={half - 7} y={half - 7} width={14} height={14} rx={2} className="stop" />
        ) : (
          <text x={half} y={half + 6} className="sign">
            !
          </text>
        )}
      </svg>
      <Caption>{type === "END" ? t.designer.kinds.END : t.designer.kinds.ALERT}</Caption>
      <span className="hidden">{id}</span>
    </>
  );
}

function Caption({ children, above = false }: { children: ReactNode; above?: boolean }) {
  return <span className={above ? "design-caption above" : "design-caption"}>{children}</span>;
}
