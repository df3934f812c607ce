/** Devices with what was heard of their presence since they were asked about. Pure. */

import type { DeviceReport } from "../contract";

export interface Seen {
  readonly device: string;
  readonly online: boolean;
}

/** Those that stayed as they were keep their object. */
export function withPresence(
  devices: readonly DeviceReport[],
  seen: readonly Seen[],
): readonly DeviceReport[] {
  const newest = new Map(seen.map(({ device, online }) => [device, online]));
  return devices.map((one) => {
    const online = newest.get(one.device);
    return online === undefined || online === one.online ? one : { ...one, online };
  });
}
