/** The marks of a chart in words: what the picture shows, for readers and for phones. */

import { t } from "../texts";
import { Moment } from "../ui/basics";
import { timeText, valueText } from "../ui/format";
import type { MarksView } from "./marks";

const MOST = 30;

export function MarkList({ marks: { alarms, phases } }: { readonly marks: MarksView }) {
  if (alarms.length + phases.length === 0) return null;
  const lines = [
    ...alarms.map(({ atMs, device, alarm, value }) => ({
      atMs,
      text: t.charts.alarmMark(
        device,
        alarm,
        value === null ? "" : ` (${valueText(value, "float")})`,
      ),
    })),
    ...phases.map(({ fromMs, toMs, device, phase }) => ({
      atMs: fromMs,
      text: t.charts.phaseMark(
        device,
        phase,
        toMs === null ? t.charts.goesOn : t.charts.until(timeText(toMs)),
      ),
    })),
  ].sort((one, other) => other.atMs - one.atMs);
  return (
    <details className="mark-list" data-testid="chart-marks">
      <summary>{t.charts.marks(alarms.length, phases.length)}</summary>
      <ul>
        {lines.slice(0, MOST).map(({ atMs, text }, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two alarms may come at one moment
          <li key={place}>
            <Moment ms={atMs} /> {text}
          </li>
        ))}
        {lines.length > MOST && <li>{t.charts.moreMarks(lines.length - MOST)}</li>}
      </ul>
    </details>
  );
}
