/** A listener in the graph: its kind, whether it listens, and how long it still waits. */

import type { KeyboardEvent } from "react";
import type { Wait } from "../../run/countdown";
import { t } from "../../texts";
import type { EventListener } from "../../workflow/definition";
import type { Direction, Point } from "../../workflow/layout";
import { LISTENER_SIGNS } from "../../workflow/signs";
import { countdown, duration, elementInWords } from "../../workflow/words";

interface Props {
  readonly listener: EventListener;
  readonly at: Point;
  readonly direction: Direction;
  readonly isBound: boolean;
  readonly isActive: boolean;
  readonly wait: Wait | null;
  readonly words: string; // its condition, if it has one
  readonly onPick?: (() => void) | undefined; // it can be approved or triggered
}

const HOUR_MS = 3_600_000;
const RADIUS = 14;
const AROUND = 2 * Math.PI * RADIUS;

export function ListenerMark(props: Props) {
  const { listener, at, direction, isBound, isActive, wait, words, onPick } = props;
  const radius = isBound ? RADIUS : 19;
  const text = wait ? countdown(wait.leftMs) : staticText(listener);
  const beside =
    direction === "right" && isBound
      ? { x: at.x + radius + 4, y: at.y - 6 }
      : { x: at.x + radius + 4, y: at.y + (isBound ? 14 : 5) };
  const name = elementInWords(listener, listener.id);
  const state = isActive ? t.run.listening : t.run.silent;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a button where it can be picked
    <g
      className={`listener ${listener.type.toLowerCase()}`}
      role={onPick ? "button" : "img"}
      tabIndex={onPick ? 0 : undefined}
      onClick={onPick}
      onKeyDown={onPick && ((event) => pickedBy(event) && onPick())}
      aria-label={[name, words, text, state].filter(Boolean).join(", ")}
      data-testid="listener-mark"
      data-element-id={listener.id}
      data-active={isActive}
    >
      <title>{[name, words].filter(Boolean).join("\n")}</title>
      <circle cx={at.x} cy={at.y} r={radius} />
      {wait && (
        <circle
          className="share"
          cx={at.x}
          cy={at.y}
          r={RADIUS}
          strokeDasharray={`${wait.share * AROUND} ${AROUND}`}
          transform={`rotate(-90 ${at.x} ${at.y})`}
        />
      )}
      <path
        className={listener.type === "START" ? "sign solid" : "sign"}
        d={LISTENER_SIGNS[listener.type] ?? ""}
        transform={`translate(${at.x} ${at.y})`}
      />
      {text && (
        <text className={wait ? "wait ticking" : "wait"} x={beside.x} y={beside.y}>
          {text}
        </text>
      )}
    </g>
  );
}

function pickedBy(event: KeyboardEvent): boolean {
  const isPick = event.key === "Enter" || event.key === " ";
  if (isPick) event.preventDefault();
  return isPick;
}

function staticText(listener: EventListener): string | null {
  if (listener.type !== "TIMER") return null;
  const { durationMs } = listener;
  return durationMs < HOUR_MS ? countdown(durationMs) : duration(durationMs);
}
