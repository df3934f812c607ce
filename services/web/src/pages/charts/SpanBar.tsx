/** Which stretch of time is shown: chosen, moved, zoomed, followed. */

import { lengthOf, live, narrowed, panned, SPANS_MS, type Span, widened } from "../../charts/span";
import { rangeText, spanText } from "../../charts/words";
import { t } from "../../texts";
import { Button } from "../../ui/basics";

interface Props {
  readonly span: Span;
  readonly onSpan: (span: Span) => void;
}

const SHARE = 0.5;

export function SpanBar({ span, onSpan }: Props) {
  const length = lengthOf(span);
  const isLive = span.kind === "live";
  const isOdd = !isLive || !SPANS_MS.some((ms) => ms === length);
  const now = () => Date.now();
  return (
    <div className="charts-span buttons" data-testid="span-bar">
      <select
        aria-label={t.charts.spanName}
        value={isOdd ? "" : length}
        onChange={({ target }) => onSpan(live(Number(target.value)))}
        data-testid="span"
      >
        {isOdd && (
          <option value="">
            {isLive ? t.charts.lastOf(spanText(length)) : rangeText(span.fromMs, span.toMs)}
          </option>
        )}
        {SPANS_MS.map((ms) => (
          <option key={ms} value={ms}>
            {t.charts.lastOf(spanText(ms))}
          </option>
        ))}
      </select>
      <Button
        onClick={() => onSpan(panned(span, -SHARE, now()))}
        aria-label={t.charts.earlier}
        title={t.charts.earlier}
        data-testid="earlier"
      >
        ←
      </Button>
      <Button
        disabled={isLive}
        onClick={() => onSpan(panned(span, SHARE, now()))}
        aria-label={t.charts.later}
        title={t.charts.later}
        data-testid="later"
      >
        →
      </Button>
      <Button
        onClick={() => onSpan(narrowed(span))}
        aria-label={t.charts.zoomIn}
        title={t.charts.zoomIn}
        data-testid="zoom-in"
      >
        +
      </Button>
      <Button
        onClick={() => onSpan(widened(span, now()))}
        aria-label={t.charts.zoomOut}
        title={t.charts.zoomOut}
        data-testid="zoom-out"
      >
        −
      </Button>
      <Button
        aria-pressed={isLive}
        disabled={isLive}
        onClick={() => onSpan(live(length))}
        data-testid="follow"
      >
        {isLive ? t.charts.following : t.charts.follow}
      </Button>
    </div>
  );
}
