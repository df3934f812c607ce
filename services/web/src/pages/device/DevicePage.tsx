/** One device: what it is told and says, part by part; the part open is in the address. */

import "uplot/dist/uPlot.min.css";
import "../../style/run.css";
import "./device.css";
import { type ComponentType, useEffect, useMemo, useSyncExternalStore } from "react";
import { useScope } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { address, type PageProps } from "../../app/routes";
import type { DeviceDetail } from "../../contract";
import { DeviceStore } from "../../device/store";
import { t } from "../../texts";
import { OnlineMark, PageHead, Problem, Tabs } from "../../ui/basics";
import { ContainersPart } from "./ContainersPart";
import { DataPart } from "./DataPart";
import { FactsPart } from "./FactsPart";
import { LogsPart } from "./LogsPart";
import { Overview } from "./Overview";
import { PARTS, type PartName, type PartProps } from "./parts";
import { RunsPart } from "./RunsPart";
import { ValuesPart } from "./ValuesPart";

const SHOWN_AS: Readonly<Record<PartName, ComponentType<PartProps>>> = {
  overview: Overview,
  runs: RunsPart,
  values: ValuesPart,
  containers: ContainersPart,
  data: DataPart,
  logs: LogsPart,
  facts: FactsPart,
};

export default function DevicePage({ ids, query }: PageProps) {
  const device = ids.device ?? "";
  return <Device key={device} device={device} query={query} />;
}

function Device({ device, query }: { device: string; query: URLSearchParams }) {
  const { link, session } = useScope();
  const { devices } = useDevices();
  const isOnline = devices?.find((one) => one.device === device)?.online ?? null;
  const store = useMemo(() => new DeviceStore(device), [device]);
  const view = useSyncExternalStore(store.watch, store.view);
  useEffect(() => (link ? store.attach(link) : undefined), [store, link]);
  useEffect(() => {
    if (isOnline) store.refresh();
  }, [store, isOnline]);
  const isStale = link === null || isOnline === false || !view.isAnswering;
  const part = PARTS.find((one) => one === query.get("tab")) ?? "overview";
  const Part = SHOWN_AS[part];
  if (devices && isOnline === null && view.detail === null) return <Unknown device={device} />;
  return (
    <div className="device" data-stale={isStale} data-testid="device" data-device={device}>
      <PageHead
        title={device}
        place={{ name: t.places.devices, href: address(["devices"]) }}
        note={
          <>
            {isOnline !== null && <OnlineMark isOnline={isOnline} />}
            {described(view.detail)}
          </>
        }
      />
      <Tabs
        label={t.device.tabs.label}
        tabs={PARTS.map((one) => ({
          name: t.device.tabs[one],
          href: address(["devices", device], { tab: one === "overview" ? null : one }),
          isOpen: one === part,
        }))}
      />
      {view.problems.device && <Problem>{view.problems.device}</Problem>}
      <Part
        device={device}
        store={store}
        view={view}
        link={link}
        role={session.role}
        isOnline={isOnline}
        isStale={isStale}
        query={query}
      />
    </div>
  );
}

function Unknown({ device }: { device: string }) {
  return (
    <>
      <PageHead title={device} />
      <p data-testid="unknown-device">
        {t.device.head.unknown} <a href={address(["devices"])}>{t.places.toDevices}</a>
      </p>
    </>
  );
}

function described(detail: DeviceDetail | null): string {
  if (!detail) return "";
  const { head } = t.device;
  const { report, facts } = detail;
  const { runtime } = report;
  const lacksDocker = runtime === "process" && facts?.docker === null;
  return [
    " ", // after the mark
    head.kind[report.kind],
    report.version && head.agent(report.version),
    facts && head.host(facts.hostname, facts.os, facts.arch),
    runtime && `${head.runtime[runtime]}${lacksDocker ? `: ${head.noDocker}` : ""}`,
  ]
    .filter(Boolean)
    .join(" · ");
}
