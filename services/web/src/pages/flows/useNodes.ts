/** What a workflow's nodes are called: as the tags of one device of the project. */

import { useMemo } from "react";
import { useAsk } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { GET_DEVICE } from "../../contract";
import { type Nodes, nodesOf } from "../../workflow/words";

/** Those of the first device that is online, else of the first; ids stay where none fits. */
export function useNodes(): Nodes {
  const { devices } = useDevices();
  const device = (devices?.find(({ online }) => online) ?? devices?.[0])?.device ?? null;
  const asked = useAsk(GET_DEVICE, { device: device ?? "" }, { isWanted: device !== null });
  const tags = asked.data?.tags;
  return useMemo(() => nodesOf(tags ?? []), [tags]);
}
