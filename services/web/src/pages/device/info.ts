/** What a device says of itself, asked while it is there. */

import { type Asked, useAsk } from "../../app/asking";
import { DEVICE_INFO, type DeviceInfo } from "../../contract";

const EVERY_MS = 5_000;

export function useInfo(device: string, isOnline: boolean | null): Asked<DeviceInfo> {
  return useAsk(
    DEVICE_INFO,
    {},
    { ids: { device }, everyMs: EVERY_MS, isWanted: isOnline !== false },
  );
}
