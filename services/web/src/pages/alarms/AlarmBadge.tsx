/**
 * How many alarms wait, in the frame of every page; it follows the alarms for all pages.
 *
 * Grey while nobody is called; the worst severity's shape and colour otherwise.
 */

import { UNSEEN } from "../../alarms/deeds";
import { parted } from "../../alarms/filters";
import { worstOf } from "../../alarms/severity";
import { t } from "../../texts";
import { SeverityShape } from "./marks";
import "./alarms.css";
import { useActiveAlarms, useFollowAlarms } from "./useAlarms";

export function AlarmBadge() {
  const { data, isStale } = useActiveAlarms();
  useFollowAlarms(data?.alarms.length ?? 0);
  const { shown } = parted(data?.alarms ?? []);
  const calling = shown.filter(({ state }) => UNSEEN.has(state));
  const worst = worstOf((calling.length > 0 ? calling : shown).map(({ severity }) => severity));
  const look = calling.length > 0 ? "call" : "seen";
  const count = calling.length > 0 ? (data?.unacknowledged ?? 0) : shown.length;
  const words = !data
    ? t.alarms.badge.unknown
    : worst === null
      ? t.alarms.badge.none
      : calling.length > 0
        ? t.alarms.badge.calling(count, t.alarms.severity[worst])
        : t.alarms.badge.seen(count);
  return (
    <a
      className={`alarm-badge ${worst === null ? "quiet" : look}`}
      href="#/alarms"
      data-testid="alarm-badge"
      data-count={data ? data.unacknowledged : ""}
      data-severity={worst ?? ""}
      data-stale={isStale}
    >
      {worst !== null && <SeverityShape severity={worst} look={look} />}
      <span aria-live="polite">
        <span className={worst === null ? "short" : undefined}>{data ? count : "?"}</span>{" "}
        <span className="words">{words}</span>
      </span>
    </a>
  );
}
