/** Which tags of which devices a panel shows now: labels are looked up. */

import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { useLink } from "../../app/asking";
import { keyOf, MOST_PICKS, type Pick } from "../../charts/picks";
import { FIND_TAGS, type PanelSeries } from "../../contract";
import { LinkLost, sentenceOf } from "../../wamp/errors";

export interface Found {
  readonly picks: readonly Pick[]; // as many as can be shown
  readonly count: number; // how many there are
  readonly isKnown: boolean;
  readonly problem: string | null;
}

const EVERY_MS = 60_000; // devices come, and get other labels

export function useSeries(series: readonly PanelSeries[], most = MOST_PICKS): Found {
  const link = useLink();
  const asked = series.filter(({ labels }) => labels !== null);
  const answers = useQueries({
    queries: asked.map(({ tag, labels }) => ({
      queryKey: [FIND_TAGS.uri, {}, { tag, labels }],
      queryFn: () => {
        if (!link) throw new LinkLost();
        return link.call(FIND_TAGS, { tag, labels });
      },
      enabled: link !== null,
      refetchInterval: EVERY_MS,
    })),
  });
  const found = new Map<string, Pick>();
  for (const { device, tag, labels } of series) {
    const answer =
      labels === null
        ? null
        : answers[asked.findIndex((one) => one.tag === tag && one.labels === labels)];
    const devices = answer ? (answer.data?.tags ?? []).flatMap((one) => one.devices) : [device];
    for (const each of devices) {
      if (each) found.set(keyOf({ device: each, tag }), { device: each, tag });
    }
  }
  const all = [...found.values()];
  const shown = all.slice(0, most);
  const key = shown.map(keyOf).join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the same while the key is
  const picks = useMemo(() => shown, [key]);
  const error = answers.find((answer) => answer.error)?.error;
  return {
    picks,
    count: all.length,
    isKnown: answers.every(({ data }) => data !== undefined),
    problem: error ? sentenceOf(error) : null,
  };
}
