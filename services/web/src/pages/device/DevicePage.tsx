/** One device: its run, its live values, its events. */

import "uplot/dist/uPlot.min.css";
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { useScope } from "../../app/asking";
import { useDevices } from "../../app/devices";
import type { PageProps } from "../../app/routes";
import { DeviceStore } from "../../device/store";
import { nodesOf } from "../../workflow/words";
import "../../style/run.css";
import { OnlineMark } from "../../ui/basics";
import { EventList } from "../run/EventList";
import { RunPanel } from "../run/RunPanel";
import { Charts } from "./Charts";

export default function DevicePage({ ids }: PageProps) {
  const device = ids.device ?? "";
  return <Device key={device} device={device} />;
}

function Device({ device }: { device: string }) {
  const { link, session } = useScope();
  const { devices } = useDevices();
  const isOnline = devices?.find((one) => one.device === device)?.online ?? null;
  const store = useMemo(() => new DeviceStore(device), [device]);
  const view = useSyncExternalStore(store.watch, store.view);
  useEffect(() => (link ? store.attach(link) : undefined), [store, link]);
  useEffect(() => {
    if (isOnline) store.refresh();
  }, [store, isOnline]);
  const tags = view.detail?.tags ?? [];
  const nodes = useMemo(() => nodesOf(tags), [tags]);
  const isStale = link === null || isOnline === false || !view.isAnswering;
  return (
    <div className="device" data-stale={isStale} data-testid="device" data-device={device}>
      <Heading device={device} isOnline={isOnline} detail={view.detail} />
      {view.problems.device && (
        <p role="alert" className="problem">
          {view.problems.device}
        </p>
      )}
      <RunPanel
        store={store}
        view={view}
        nodes={nodes}
        link={link}
        role={session.role}
        isOnline={isOnline !== false}
      />
      <div className="columns">
        <Charts
          store={store}
          tags={tags}
          isStale={isStale}
          problem={view.problems.values ?? null}
        />
        <EventList store={store} view={view} />
      </div>
    </div>
  );
}

interface HeadingProps {
  readonly device: string;
  readonly isOnline: boolean | null;
  readonly detail: ReturnType<DeviceStore["view"]>["detail"];
}

function Heading({ device, isOnline, detail }: HeadingProps) {
  const facts = detail?.facts;
  const parts = [
    detail && `${detail.report.kind} device`,
    detail?.report.version && `agent ${detail.report.version}`,
    facts && `${facts.hostname}, ${facts.os} ${facts.arch}`,
    detail?.report.runtime === "container" && "engines run in containers",
    detail?.report.runtime === "process" &&
      `engines run as processes${facts?.docker === null ? ": no Docker answers" : ""}`,
  ].filter(Boolean);
  useEffect(() => {
    document.title = `${device} – Heddle`;
    return () => {
      document.title = "Heddle";
    };
  }, [device]);
  return (
    <div className="device-heading">
      <nav aria-label="Place">
        <a href="#/devices">Devices</a>
      </nav>
      <h1>{device}</h1>
      {isOnline !== null && <OnlineMark isOnline={isOnline} />}
      <p className="quiet">{parts.join(" · ")}</p>
    </div>
  );
}
