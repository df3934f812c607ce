/** All devices of the project and how they stand. */

import type { FleetView } from "../device/fleet";
import { agoText } from "./format";
import { useNow } from "./hooks";

const RUNS_IN = { container: "containers", process: "processes" } as const;

export function DeviceList({ view, isStale }: { view: FleetView; isStale: boolean }) {
  const now = useNow(30_000);
  const { devices, problem } = view;
  return (
    <section className="panel" aria-labelledby="devices" data-stale={isStale}>
      <h1 id="devices">Devices</h1>
      {problem && (
        <p role="alert" className="problem">
          {problem}
        </p>
      )}
      {devices === null && !problem && <p className="quiet">Asking for the devices …</p>}
      {devices?.length === 0 && (
        <p className="quiet">
          This project has no device yet. Make an enrolment code and start an agent with it.
        </p>
      )}
      {devices && devices.length > 0 && (
        <table className="devices">
          <thead>
            <tr>
              <th scope="col">Device</th>
              <th scope="col">State</th>
              <th scope="col">Kind</th>
              <th scope="col">Engines run in</th>
              <th scope="col">Agent</th>
              <th scope="col">Last seen</th>
            </tr>
          </thead>
          <tbody>
            {devices.map((one) => (
              <tr
                key={one.device}
                data-testid="device-row"
                data-device={one.device}
                data-online={one.online}
              >
                <th scope="row">
                  <a href={`#/devices/${one.device}`}>{one.device}</a>
                </th>
                <td>
                  <OnlineMark isOnline={one.online} />
                </td>
                <td>{one.kind}</td>
                <td>{one.runtime ? RUNS_IN[one.runtime] : "–"}</td>
                <td>{one.version ?? "–"}</td>
                <td>
                  {one.online
                    ? "now"
                    : one.last_seen_at_ms
                      ? agoText(one.last_seen_at_ms, now)
                      : "never"}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

export function OnlineMark({ isOnline }: { isOnline: boolean }) {
  return (
    <span className={isOnline ? "mark" : "mark off"} data-testid="online" data-online={isOnline}>
      {isOnline ? "online" : "offline"}
    </span>
  );
}
