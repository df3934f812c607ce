/**
 * Draws when the browser draws: what moved since the last frame is painted once in the
 * next one, whatever came meanwhile. A page that is not seen paints nothing.
 */

const waiting = new Map<Painter, number>(); // not before
let isAwaited = false; // a frame

export class Painter {
  #paintedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly draw: () => void,
    private readonly everyMs: () => number = () => 0,
  ) {}

  /** Something moved: paint in the next frame, but not sooner than `everyMs` after the last. */
  readonly touch = (): void => {
    if (!waiting.has(this)) waiting.set(this, this.#paintedAtMs + this.everyMs());
    awaitFrame();
  };

  readonly paint = (nowMs: number): void => {
    this.#paintedAtMs = nowMs;
    this.draw();
  };

  readonly end = (): void => {
    waiting.delete(this);
  };
}

function awaitFrame(): void {
  if (isAwaited) return;
  isAwaited = true;
  requestAnimationFrame(paint);
}

function paint(nowMs: number): void {
  isAwaited = false;
  for (const [painter, dueMs] of [...waiting]) {
    if (dueMs > nowMs) continue;
    waiting.delete(painter);
    painter.paint(nowMs);
  }
  if (waiting.size > 0) awaitFrame();
}
