/** The tags that the forms offer: those of one device of the project. */

import { useMemo, useState } from "react";
import { useAsk } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { GET_DEVICE, type Tag } from "../../contract";
import { type Nodes, nodesOf } from "../../workflow/words";

export interface Tags {
  readonly nodes: Nodes;
  readonly tags: readonly Tag[];
  readonly devices: readonly string[];
  readonly device: string | null;
  readonly choose: (device: string | null) => void;
}

/** The device a person chose; else the first that is online, or the first of all. */
export function useTags(): Tags {
  const { devices } = useDevices();
  const [chosen, choose] = useState<string | null | undefined>(undefined);
  const all = devices ?? [];
  const first = (all.find(({ online }) => online) ?? all[0])?.device ?? null;
  const device = chosen === undefined ? first : chosen;
  const { data } = useAsk(
    GET_DEVICE,
    { device: device ?? "" },
    { isWanted: device !== null, keeps: true },
  );
  const tags = useMemo(() => (device === null ? [] : (data?.tags ?? [])), [device, data]);
  const nodes = useMemo(() => nodesOf(tags), [tags]);
  return { nodes, tags, devices: all.map((one) => one.device), device, choose };
}
