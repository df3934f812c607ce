/** A value's recent course, small: drawn twice a second while it is seen. */

import { useEffect, useRef } from "react";
import type { LiveValues } from "../../telemetry/live";
import { useColourScheme, useWidth } from "../../ui/hooks";

interface Props {
  readonly values: LiveValues;
  readonly tag: string;
  readonly isStale: boolean;
}

const HEIGHT = 28;
const DRAW_EVERY_MS = 500;
const EDGE = 2;

export function Sparkline({ values, tag, isStale }: Props) {
  const [place, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scheme = useColourScheme();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another scheme, another ink
  useEffect(() => {
    const drawn = canvas.current;
    if (!drawn || width === 0) return;
    const ink = getComputedStyle(drawn).color;
    const scale = window.devicePixelRatio || 1;
    drawn.width = width * scale;
    drawn.height = HEIGHT * scale;
    let drawnAtMs = 0;
    const draw = () => {
      if (document.hidden || Date.now() - drawnAtMs < DRAW_EVERY_MS) return;
      drawnAtMs = Date.now();
      drawCourse(drawn, values, tag, ink, scale);
    };
    draw();
    return isStale ? undefined : values.watch(draw);
  }, [values, tag, width, scheme, isStale]);
  return (
    <div ref={place} className="device-spark" aria-hidden="true">
      <canvas ref={canvas} />
    </div>
  );
}

function drawCourse(
  canvas: HTMLCanvasElement,
  values: LiveValues,
  tag: string,
  ink: string,
  scale: number,
): void {
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const [at, course] = values.columns(tag);
  const known = course.filter((one) => one !== null);
  const [width, height] = [canvas.width / scale, HEIGHT];
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  if (known.length < 2) return;
  const [low, high] = range(known);
  const [from, to] = [values.fromMs() / 1_000, values.nowMs() / 1_000];
  pen.strokeStyle = ink;
  pen.lineWidth = 1.25;
  pen.lineJoin = "round";
  pen.beginPath();
  let isDown = false;
  course.forEach((value, index) => {
    if (value === null) {
      isDown = false;
      return;
    }
    const time = at[index] ?? 0;
    const x = (Math.max(0, time - from) / (to - from)) * width;
    const y = EDGE + (1 - (value - low) / (high - low)) * (height - 2 * EDGE);
    if (time <= from) isDown = false; // what held when the picture begins
    if (isDown) pen.lineTo(x, y);
    else pen.moveTo(x, y);
    isDown = true;
  });
  pen.stroke();
}

/** At least one percent of the value: noise is not blown up to a mountain range. */
function range(known: readonly number[]): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const one of known) {
    if (one < low) low = one;
    if (one > high) high = one;
  }
  const middle = (low + high) / 2;
  const half = Math.max((high - low) / 2, Math.abs(middle) * 0.005, 0.01);
  return [middle - half, middle + half];
}
