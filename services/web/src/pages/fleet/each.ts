/** A deed on each of many devices, with the results as they come. */

import { useState } from "react";
import { useRefresh, useScope } from "../../app/asking";
import { type Result, toEach } from "../../device/deeds";
import { LinkLost } from "../../wamp/errors";
import type { Link } from "../../wamp/link";

export interface Each {
  readonly results: readonly Result[] | null; // null: not begun
  readonly isOver: boolean;
  readonly begin: (devices: readonly string[]) => Promise<void>;
}

/** `act` is handed the link of that moment, so that a rejoin half-way does no harm. */
export function useEach(
  act: (link: Link, device: string) => Promise<string>,
  ...changes: readonly { readonly uri: string }[]
): Each {
  const { link } = useScope();
  const refresh = useRefresh();
  const [results, setResults] = useState<readonly Result[] | null>(null);
  const [isOver, setOver] = useState(false);
  async function begin(devices: readonly string[]) {
    setResults([]);
    await toEach(
      devices,
      async (device) => {
        if (!link) throw new LinkLost();
        return act(link, device);
      },
      (result) => setResults((known) => [...(known ?? []), result]),
    );
    setOver(true);
    refresh(...changes);
  }
  return { results, isOver, begin };
}
