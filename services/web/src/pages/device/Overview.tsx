/** One look at a device: its run, its values and setpoints, its alarms, what happened. */

import { useMemo } from "react";
import { nodesOf } from "../../workflow/words";
import { EventList } from "../run/EventList";
import { RunPanel } from "../run/RunPanel";
import { AlarmsPanel } from "./AlarmsPanel";
import { LivePanel } from "./LivePanel";
import type { PartProps } from "./parts";

export function Overview({ device, store, view, link, role, isOnline, isStale }: PartProps) {
  const tags = view.detail?.tags ?? [];
  const nodes = useMemo(() => nodesOf(tags), [tags]);
  return (
    <>
      <RunPanel
        store={store}
        view={view}
        nodes={nodes}
        link={link}
        role={role}
        isOnline={isOnline !== false}
      />
      <div className="columns">
        <LivePanel
          device={device}
          values={store.values}
          tags={tags}
          isStale={isStale}
          problem={view.problems.values ?? null}
        />
        <div className="device-stack">
          <AlarmsPanel device={device} />
          <EventList store={store} view={view} />
        </div>
      </div>
    </>
  );
}
