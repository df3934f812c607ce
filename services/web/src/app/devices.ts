/** All devices of the project, kept current: presence moves them, a look now and then adds. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { type DeviceReport, LIST_DEVICES, PRESENCE } from "../contract";
import { Conflation } from "../device/conflate";
import { type Seen, withPresence } from "../device/presence";
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
const SHOWN_EVERY_MS = 300; // a whole site may come back at once
const NEW_AFTER_MS = 500; // an unknown device is asked for
const SETTLE_MS = 5_000; // times and versions may have changed as well
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
  const asking = useRef<{ timer: ReturnType<typeof setTimeout>; atMs: number } | null>(null);
  const { data, error } = useQuery({
    queryKey: KEY,
    queryFn: () => {
      if (!link) throw new LinkLost();
      return allDevices(link);
    },
    enabled: link !== null,
    refetchInterval: REFRESH_EVERY_MS,
  });
  const presence = useMemo(() => {
    function askSoon(afterMs: number) {
      const atMs = Date.now() + afterMs;
      if (asking.current && asking.current.atMs <= atMs) return;
      if (asking.current) clearTimeout(asking.current.timer);
      const timer = setTimeout(() => {
        asking.current = null;
        void client.invalidateQueries({ queryKey: KEY });
      }, afterMs);
      asking.current = { timer, atMs };
    }
    return new Conflation<Seen>(SHOWN_EVERY_MS, (seen) => {
      const known = client.getQueryData<readonly DeviceReport[]>(KEY);
      if (known) client.setQueryData(KEY, withPresence(known, seen));
      const ids = new Set(known?.map(({ device }) => device));
      askSoon(seen.every(({ device }) => ids.has(device)) ? SETTLE_MS : NEW_AFTER_MS);
    });
  }, [client]);
  useEffect(
    () => () => {
      presence.end();
      if (asking.current) clearTimeout(asking.current.timer);
      asking.current = null;
    },
    [presence],
  );
  useHear(PRESENCE, ({ online }, { device = "" }) => presence.add({ device, online }));
  return {
    devices: data ?? null,
    problem: error ? sentenceOf(error) : null,
    isStale: link === null || error !== null,
  };
}
