/** A device's measured values over time, and what is set. */

import { useMemo, useState, useSyncExternalStore } from "react";
import type { Tag } from "../../contract";
import type { DeviceStore } from "../../device/store";
import { arrange } from "../../telemetry/arrange";
import { type Reading, WINDOWS_MS } from "../../telemetry/live";
import { t } from "../../texts";
import { valueText } from "../../ui/format";
import { useColourScheme } from "../../ui/hooks";
import { duration } from "../../workflow/words";
import { Chart } from "./Chart";

const words = t.device.values;

interface Props {
  readonly store: DeviceStore;
  readonly tags: readonly Tag[];
  readonly isStale: boolean;
  readonly problem: string | null;
}

export function Charts({ store, tags, isStale, problem }: Props) {
  const { values } = store;
  const readings = useSyncExternalStore(values.watch, values.readings);
  const [windowMs, setWindowMs] = useState(values.windowMs);
  const { charts, listed } = useMemo(() => arrange(tags), [tags]);
  const scheme = useColourScheme();
  function show(ms: number) {
    setWindowMs(ms);
    values.show(ms);
    void store.loadValues();
  }
  return (
    <section className="panel values" aria-labelledby="values">
      <div className="panel-head">
        <h2 id="values">{words.title}</h2>
        {isStale && (
          <span className="mark off" data-testid="stale">
            {words.notLive}
          </span>
        )}
        <fieldset className="windows">
          <legend className="hidden">{words.time}</legend>
          {WINDOWS_MS.map((ms) => (
            <label key={ms}>
              <input
                type="radio"
                name="window"
                checked={ms === windowMs}
                onChange={() => show(ms)}
              />
              {duration(ms)}
            </label>
          ))}
        </fieldset>
      </div>
      {problem && (
        <p role="alert" className="problem">
          {problem}
        </p>
      )}
      {tags.length === 0 && <p className="quiet">{words.none}</p>}
      <div className="charts">
        {charts.map((plan) => (
          <Chart
            key={`${plan.value.tag}/${scheme}`}
            plan={plan}
            values={values}
            value={readings.get(plan.value.tag)}
            setpoint={plan.setpoint ? readings.get(plan.setpoint.tag) : undefined}
            isStale={isStale}
          />
        ))}
      </div>
      {listed.length > 0 && (
        <dl className="readings">
          {listed.map((tag) => (
            <ReadingRow key={tag.tag} tag={tag} reading={readings.get(tag.tag)} />
          ))}
        </dl>
      )}
    </section>
  );
}

function ReadingRow({ tag, reading }: { tag: Tag; reading: Reading | undefined }) {
  return (
    <div data-testid="reading" data-tag={tag.tag}>
      <dt>{tag.tag}</dt>
      <dd>
        {valueText(reading?.value, tag.type)} <span className="quiet">{tag.unit}</span>
      </dd>
    </div>
  );
}
