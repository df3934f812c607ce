/** The workflow as a graph: active phases lit, timers counting, the path taken darker. */

import { memo, useMemo } from "react";
import type { RunReport } from "../../contract";
import type { Wait } from "../../run/countdown";
import { held, type Path } from "../../run/log";
import { t } from "../../texts";
import { useWidth } from "../../ui/hooks";
import type { Dispatcher, Gateway, Workflow } from "../../workflow/definition";
import {
  type Box,
  type Direction,
  type Drawing,
  drawWorkflow,
  type Route,
} from "../../workflow/layout";
import {
  conditionInWords,
  elementInWords,
  type Nodes,
  setpointsInWords,
  short,
} from "../../workflow/words";
import { ListenerMark } from "./ListenerMark";

interface Props {
  readonly workflow: Workflow;
  readonly nodes: Nodes;
  readonly report: RunReport | null;
  readonly waits: ReadonlyMap<string, Wait | null>;
  readonly path: Path;
  readonly isMoving: boolean;
  readonly marks?: ReadonlyMap<string, string>; // of elements and links: words for the style
  readonly visits?: ReadonlyMap<string, number>; // how often each phase was entered
  readonly onListener?: ((listener: string, type: string) => void) | undefined; // an active one
}

const NARROW = 720;

export function Graph(props: Props) {
  const { workflow, nodes, report, waits, path, isMoving, visits, marks, onListener } = props;
  const [frame, width] = useWidth<HTMLDivElement>();
  const direction: Direction = width > NARROW ? "right" : "down";
  const drawing = useMemo(() => drawWorkflow(workflow, direction), [workflow, direction]);
  const active = new Set(report?.active_phases);
  const listening = new Map(report?.listening.map((one) => [one.listener, one]));
  const mark = (box: Box | Box["ports"][number], id: string) => {
    const element = workflow.elements.get(id);
    return element?.kind === "listener" ? (
      <g key={id} data-mark={marks?.get(id)}>
        <ListenerMark
          listener={element}
          at={box}
          direction={direction}
          isBound={element.phase !== null}
          isActive={listening.has(id)}
          wait={waits.get(id) ?? null}
          words={element.condition ? conditionInWords(element.condition, nodes) : ""}
          onPick={onListener && listening.has(id) ? () => onListener(id, element.type) : undefined}
        />
      </g>
    ) : null;
  };
  return (
    <div ref={frame} className="graph" data-testid="graph" data-status={report?.status}>
      {width > 0 && (
        <svg
          viewBox={`0 0 ${drawing.width} ${drawing.height}`}
          width={drawing.width}
          height={drawing.height}
          aria-label={t.run.graph}
        >
          <Links {...{ drawing, workflow, path, isMoving, marks }} />
          {drawing.boxes.map((box) => {
            const { element } = box;
            switch (element.kind) {
              case "phase":
                return (
                  <g key={element.id}>
                    <g data-mark={marks?.get(element.id)}>
                      <PhaseMark
                        box={box}
                        isActive={active.has(element.id)}
                        lines={setpointsInWords(element, nodes)}
                        rise={direction === "down" ? 5 : 0}
                        visits={visits?.get(element.id) ?? 0}
                      />
                    </g>
                    {box.ports.map((port) => mark(port, port.listener.id))}
                  </g>
                );
              case "listener":
                return mark(box, element.id);
              case "gateway":
                return (
                  <g key={element.id} data-mark={marks?.get(element.id)}>
                    <GatewayMark
                      box={box}
                      gateway={element}
                      direction={direction}
                      count={report?.activations[element.id] ?? 0}
                      waiting={waitingOf(element, workflow, path)}
                      words={element.condition ? conditionInWords(element.condition, nodes) : ""}
                    />
                  </g>
                );
              default:
                return (
                  <g key={element.id} data-mark={marks?.get(element.id)}>
                    <DispatcherMark
                      box={box}
                      dispatcher={element}
                      isReached={isReached(element.id, workflow, path)}
                    />
                  </g>
                );
            }
          })}
        </svg>
      )}
    </div>
  );
}

/** Of an AND gateway: how many of its links have come; empty: it waits for none. */
function waitingOf({ id, type }: Gateway, workflow: Workflow, path: Path): string {
  const links = workflow.links.filter(({ to }) => to === id).map((link) => link.id);
  const come = type === "AND" ? held(path, id, links) : 0;
  return come > 0 ? t.run.come(come, links.length) : "";
}

function isReached(id: string, workflow: Workflow, path: Path): boolean {
  return workflow.links.some((link) => link.to === id && path.counts.has(link.id));
}

interface LinksProps {
  readonly drawing: Drawing;
  readonly workflow: Workflow;
  readonly path: Path;
  readonly isMoving: boolean;
  readonly marks: Props["marks"];
}

const Links = memo(function Links({ drawing, workflow, path, isMoving, marks }: LinksProps) {
  return (
    <>
      <defs>
        <Arrow name="idle" />
        <Arrow name="signalled" />
      </defs>
      {drawing.routes.map((route) => {
        const count = path.counts.get(route.link.id) ?? 0;
        const kind = count > 0 ? "signalled" : "idle";
        const isLast = isMoving && path.last === route.link.id;
        return (
          <g
            key={route.link.id}
            data-link-id={route.link.id}
            data-signals={count}
            data-mark={marks?.get(route.link.id)}
          >
            <path
              key={isLast ? count : "still"}
              className={`link ${kind}${isLast ? " last" : ""}`}
              d={route.path}
              markerEnd={`url(#arrow-${kind})`}
            />
            <Verdict route={route} workflow={workflow} />
          </g>
        );
      })}
    </>
  );
});

function Arrow({ name }: { name: string }) {
  return (
    <marker
      id={`arrow-${name}`}
      className={`arrow ${name}`}
      viewBox="0 0 8 8"
      refX="7"
      refY="4"
      markerUnits="userSpaceOnUse"
      markerWidth="11"
      markerHeight="11"
      orient="auto"
    >
      <path d="M0 0 8 4 0 8Z" />
    </marker>
  );
}

/** `yes` or `no` where a conditional gateway's links leave. */
function Verdict({ route, workflow }: { route: Route; workflow: Workflow }) {
  const gateway = workflow.elements.get(route.link.from);
  if (gateway?.kind !== "gateway") return null;
  const { trueLink, falseLink } = gateway;
  const { id } = route.link;
  const verdict = id === trueLink ? t.run.yes : id === falseLink ? t.run.no : null;
  return verdict ? (
    <text className="verdict" x={route.word.x} y={route.word.y}>
      {verdict}
    </text>
  ) : null;
}

const CHARACTERS = 23; // what fits into a phase's width

function cut(text: string): string {
  const plain = text.replace(/[._]?setpoint\b/, "");
  return plain.length > CHARACTERS ? `${plain.slice(0, CHARACTERS - 1)}…` : plain;
}

interface PhaseProps {
  readonly box: Box;
  readonly isActive: boolean;
  readonly lines: readonly string[];
  readonly rise: number; // of the text, to clear the listeners below it
  readonly visits: number;
}

function PhaseMark({ box, isActive, lines, rise, visits }: PhaseProps) {
  const { element, x, y, width, height } = box;
  const [left, top] = [x - width / 2, y - height / 2];
  const [first, ...more] = lines;
  const second = more.length > 1 ? t.run.andMore(more.length) : more[0];
  const middle = y - rise - (first ? 4 : -5) - (second ? 8 : 0);
  return (
    <g
      className="phase"
      role="img"
      aria-label={said(
        elementInWords(element, element.id),
        isActive && t.run.isActive,
        visits > 1 && t.run.entered(visits),
      )}
      data-testid="phase"
      data-element-id={element.id}
      data-active={isActive}
      data-visits={visits}
    >
      <title>{[element.label, ...lines].join("\n")}</title>
      <rect x={left} y={top} width={width} height={height} rx={6} />
      <text className="name" x={left + 14} y={middle}>
        {cut(short(element.label))}
      </text>
      {first && (
        <text className="line" x={left + 14} y={middle + 18}>
          {cut(first)}
        </text>
      )}
      {second && (
        <text className="line" x={left + 14} y={middle + 34}>
          {cut(second)}
        </text>
      )}
      {visits > 1 && (
        <text className="visits" x={left + width - 10} y={top + 18}>
          {t.run.times(visits)}
        </text>
      )}
    </g>
  );
}

const said = (...parts: readonly (string | false)[]) => parts.filter(Boolean).join(", ");

const GATEWAYS: Readonly<Record<string, string>> = { AND: "+", OR: "○", CONDITIONAL: "?" };

interface GatewayProps {
  readonly box: Box;
  readonly gateway: Gateway;
  readonly direction: Direction;
  readonly count: number;
  readonly waiting: string;
  readonly words: string;
}

function GatewayMark({ box, gateway, direction, count, waiting, words }: GatewayProps) {
  const { x, y, width } = box;
  const half = width / 2;
  const aside = direction === "right" ? { x, y: y - half - 6 } : { x: x - half - 12, y: y + 4 };
  const name = elementInWords(gateway, gateway.id);
  return (
    <g
      className="gateway"
      role="img"
      aria-label={said(name, gateway.type, words, t.run.activated(count), waiting)}
      data-testid="gateway"
      data-element-id={gateway.id}
      data-activations={count}
    >
      <title>{[gateway.label, gateway.type, words].filter(Boolean).join("\n")}</title>
      <path d={`M${x - half} ${y} L${x} ${y - half} L${x + half} ${y} L${x} ${y + half}Z`} />
      <text className="sign" x={x} y={y + 6}>
        {GATEWAYS[gateway.type] ?? gateway.type}
      </text>
      {count > 0 && (
        <text className="count" x={aside.x} y={aside.y}>
          {t.run.times(count)}
        </text>
      )}
      {waiting && (
        <text className="count" x={x} y={y + half + 16} data-testid="gateway-waiting">
          {waiting}
        </text>
      )}
    </g>
  );
}

interface DispatcherProps {
  readonly box: Box;
  readonly dispatcher: Dispatcher;
  readonly isReached: boolean;
}

function DispatcherMark({ box: { x, y }, dispatcher, isReached }: DispatcherProps) {
  const isEnd = dispatcher.type === "END";
  return (
    <g
      className="dispatcher"
      role="img"
      aria-label={said(`${dispatcher.type} ${short(dispatcher.label)}`, isReached && t.run.reached)}
      data-testid="dispatcher"
      data-element-id={dispatcher.id}
      data-active={isReached}
    >
      <title>{`${dispatcher.type}\n${dispatcher.label}`}</title>
      <circle cx={x} cy={y} r={19} />
      {isEnd ? (
        <rect x={x - 7} y={y - 7} width={14} height={14} rx={2} />
      ) : (
        <text className="sign" x={x} y={y + 6}>
          !
        </text>
      )}
      <text className="count" x={x} y={y + 34}>
        {dispatcher.type}
      </text>
    </g>
  );
}
