/** What is measured now, at a glance: value, setpoint, quality and recent course. */

import { useMemo } from "react";
import { address } from "../../app/routes";
import type { Tag } from "../../contract";
import { type ValueRow, valueRows } from "../../device/values";
import type { LiveValues } from "../../telemetry/live";
import { t } from "../../texts";
import { Panel, Problem, Quiet } from "../../ui/basics";
import { duration } from "../../workflow/words";
import { Now, Quality } from "./cells";
import { Sparkline } from "./Sparkline";

interface Props {
  readonly device: string;
  readonly values: LiveValues;
  readonly tags: readonly Tag[];
  readonly isStale: boolean;
  readonly problem: string | null;
}

const MOST = 16; // what a look takes in; the rest is on the tab
const words = t.device.values;

export function LivePanel({ device, values, tags, isStale, problem }: Props) {
  const rows = useMemo(() => valueRows(tags), [tags]);
  const setpoints = rows.filter(({ tag }) => tag.writable);
  const measured = rows.filter(({ tag }) => !tag.writable);
  const all = (
    <a href={address(["devices", device], { tab: "values" })}>{words.all(tags.length)}</a>
  );
  return (
    <div className="device-stack">
      <Panel
        title={words.title}
        isStale={isStale}
        actions={
          <>
            {isStale && (
              <span className="mark off" data-testid="stale">
                {words.notLive}
              </span>
            )}
            <span className="quiet">{words.span(duration(values.windowMs()))}</span>
            {all}
          </>
        }
      >
        {problem && <Problem>{problem}</Problem>}
        {tags.length === 0 && <Quiet>{words.none}</Quiet>}
        <ul className="device-live readings">
          {(measured.length > 0 ? measured : rows).slice(0, MOST).map((row) => (
            <Live key={row.tag.tag} row={row} values={values} isStale={isStale} />
          ))}
        </ul>
      </Panel>
      {measured.length > 0 && setpoints.length > 0 && (
        <Panel title={t.device.setpoints.title} isStale={isStale}>
          <ul className="device-setpoints readings">
            {setpoints.slice(0, MOST).map((row) => (
              <Setpoint key={row.tag.tag} row={row} values={values} />
            ))}
          </ul>
        </Panel>
      )}
    </div>
  );
}

function Live({ row, values, isStale }: { row: ValueRow; values: LiveValues; isStale: boolean }) {
  const { tag, setpoint } = row;
  return (
    <li data-testid="chart" data-tag={tag.tag}>
      <span className="device-name">{tag.tag}</span>
      <Sparkline values={values} tag={tag.tag} isStale={isStale} />
      <span className="device-now">
        <Now values={values} tag={tag} name="value" />{" "}
        {setpoint && (
          <span className="setpoint">
            → <Now values={values} tag={setpoint} />
          </span>
        )}{" "}
        <Quality values={values} tag={tag} />
      </span>
    </li>
  );
}

/** What is wanted, and what is measured of it. */
function Setpoint({ row: { tag, measured }, values }: { row: ValueRow; values: LiveValues }) {
  return (
    <li data-testid="reading" data-tag={tag.tag}>
      <span className="device-name">{tag.tag}</span>
      <span className="device-now">
        <Now values={values} tag={tag} />
        {measured && (
          <span className="quiet">
            {" "}
            ({t.device.setpoints.measured} <Now values={values} tag={measured} />)
          </span>
        )}{" "}
        <Quality values={values} tag={tag} />
      </span>
    </li>
  );
}
