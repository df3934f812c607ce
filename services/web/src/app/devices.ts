/** All devices of the project, kept current: presence moves them, a look now and then adds. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { type DeviceReport, LIST_DEVICES, PRESENCE } from "../contract";
import { LinkLost, sentenceOf } from "../wamp/errors";
import type { Link } from "../wamp/link";
import { useHear, useLink } from "./asking";

export interface Devices {
  readonly devices: readonly DeviceReport[] | null; // by id; null: not known yet
  readonly problem: string | null;
  readonly isStale: boolean;
}

const KEY = [LIST_DEVICES.uri, "all"];
const REFRESH_EVERY_MS = 30_000;
const SETTLE_MS = 500; // a whole site may come back at once
const PER_CALL = 2_000; // far below the router's message size

async function allDevices(link: Link): Promise<readonly DeviceReport[]> {
  const found: DeviceReport[] = [];
  for (let isMore = true; isMore; ) {
    const after = found.at(-1)?.device ?? "";
    const page = await link.call(LIST_DEVICES, { after, most: PER_CALL });
    found.push(...page.devices);
    isMore = page.more === true && page.devices.length > 0;
  }
  return found;
}

export function useDevices(): Devices {
  const link = useLink();
  const client = useQueryClient();
  const settling = useRef(false);
  const { data, error } = useQuery({
    queryKey: KEY,
    queryFn: () => {
      if (!link) throw new LinkLost("the page is not connected now");
      return allDevices(link);
    },
    enabled: link !== null,
    refetchInterval: REFRESH_EVERY_MS,
  });
  useHear(PRESENCE, ({ online }, { device }) => {
    client.setQueryData<readonly DeviceReport[]>(KEY, (known) =>
      known?.map((one) => (one.device === device ? { ...one, online } : one)),
    );
    if (settling.current) return;
    settling.current = true; // also tells of new devices, versions and times
    setTimeout(() => {
      settling.current = false;
      void client.invalidateQueries({ queryKey: KEY });
    }, SETTLE_MS);
  });
  return {
    devices: data ?? null,
    problem: error ? sentenceOf(error) : null,
    isStale: link === null || error !== null,
  };
}
