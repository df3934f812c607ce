/** All devices of the project and how they stand. */

import { useDevices } from "../../app/devices";
import { go } from "../../app/routes";
import type { DeviceReport } from "../../contract";
import { t } from "../../texts";
import { Ago, OnlineMark, PageHead, Panel, Problem, Quiet } from "../../ui/basics";
import { type Column, Table } from "../../ui/Table";

const COLUMNS: readonly Column<DeviceReport>[] = [
  {
    id: "device",
    title: "Device",
    cell: ({ device }) => <a href={`#/devices/${device}`}>{device}</a>,
    sort: ({ device }) => device,
  },
  {
    id: "state",
    title: "State",
    cell: ({ online }) => <OnlineMark isOnline={online} />,
    sort: ({ online }) => Number(online),
  },
  {
    id: "seen",
    title: "Last seen",
    cell: ({ last_seen_at_ms }) => <Ago ms={last_seen_at_ms} />,
    sort: ({ last_seen_at_ms }) => last_seen_at_ms ?? 0,
  },
];

export default function FleetPage() {
  const { devices, problem, isStale } = useDevices();
  return (
    <>
      <PageHead title={t.places.devices} />
      <Panel isStale={isStale}>
        {problem && <Problem>{problem}</Problem>}
        {devices === null && !problem && <Quiet>{t.ui.loading}</Quiet>}
        {devices && (
          <Table
            label={t.places.devices}
            name="device"
            columns={COLUMNS}
            rows={devices}
            keyOf={({ device }) => device}
            data={({ device, online }) => ({ "data-device": device, "data-online": online })}
            onOpen={({ device }) => go(`#/devices/${device}`)}
          />
        )}
      </Panel>
    </>
  );
}
