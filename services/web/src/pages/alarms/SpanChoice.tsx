/** Chooses a span of time: the last so long, or from one time to another. */

import { SPANS_MS, type Span } from "../../alarms/spans";
import { t } from "../../texts";
import { fieldTime } from "../../ui/format";

interface Props {
  readonly span: Span;
  readonly isFree?: boolean; // from and to may be chosen
  readonly onChoose: (query: { span?: number; from?: number; to?: number }) => void;
}

export function SpanChoice({ span, isFree = true, onChoose }: Props) {
  const words = t.alarms.journal;
  const { lengthMs, fromMs, toMs } = span;
  const isListed = SPANS_MS.some((one) => one === lengthMs);
  function move(edge: "from" | "to", text: string) {
    const at = new Date(text).getTime();
    if (Number.isNaN(at)) return;
    onChoose({ from: fromMs, to: toMs, [edge]: at });
  }
  return (
    <>
      <select
        aria-label={words.span}
        value={isListed ? String(lengthMs) : "custom"}
        onChange={({ target }) =>
          onChoose(
            target.value === "custom" ? { from: fromMs, to: toMs } : { span: Number(target.value) },
          )
        }
        data-testid="span"
      >
        {SPANS_MS.map((one) => (
          <option key={one} value={one}>
            {words.spans[String(one)]}
          </option>
        ))}
        {(isFree || !isListed) && <option value="custom">{words.custom}</option>}
      </select>
      {lengthMs === null && (
        <>
          <Edge
            label={words.from}
            ms={fromMs}
            onMove={(text) => move("from", text)}
            name="span-from"
          />
          <Edge label={words.to} ms={toMs} onMove={(text) => move("to", text)} name="span-to" />
        </>
      )}
    </>
  );
}

interface EdgeProps {
  readonly label: string;
  readonly ms: number | null;
  readonly onMove: (text: string) => void; // "" for none
  readonly name: string; // for tests
}

/** One end of a span; it takes effect when one leaves the field. */
export function Edge({ label, ms, onMove, name }: EdgeProps) {
  const text = ms === null ? "" : fieldTime(ms);
  return (
    <label className="span-edge">
      {label}
      <input
        type="datetime-local"
        defaultValue={text}
        onBlur={({ target }) => {
          if (target.value !== text) onMove(target.value);
        }}
        data-testid={name}
      />
    </label>
  );
}
