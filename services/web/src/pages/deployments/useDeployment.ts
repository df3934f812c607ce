/**
 * One deployment, all its targets and its history, kept current.
 *
 * A move changes the counts at once; targets and history are asked for again, but not more
 * often than is good for a thousand of them. Of the history only what is new is asked for.
 */

import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useHear, useLink } from "../../app/asking";
import {
  DEPLOYMENT_HISTORY,
  DEPLOYMENT_MOVED,
  type DeploymentMoved,
  type DeploymentReport,
  GET_DEPLOYMENT,
  type HistoryEntry,
  type TargetReport,
} from "../../contract";
import { moved } from "../../deployments/standing";
import { LinkLost, sentenceOf } from "../../wamp/errors";
import type { Link } from "../../wamp/link";
import { useConflated } from "./useConflated";

const LOOK_EVERY_MS = 1_000;
const LOOK_ANYWAY_MS = 20_000; // devices that return after the end move nothing
const PER_CALL = 2_000;

export interface Whole {
  readonly report: DeploymentReport;
  readonly targets: readonly TargetReport[]; // by id
}

export interface Known {
  readonly whole: Whole | undefined; // as last asked; not known yet
  readonly report: DeploymentReport | undefined; // with what has moved since
  readonly history: readonly HistoryEntry[]; // oldest first
  readonly problem: string | null;
  readonly isStale: boolean;
}

export function useDeployment(deployment: string): Known {
  const link = useLink();
  const client = useQueryClient();
  const key = [GET_DEPLOYMENT.uri, "whole", deployment];
  const historyKey = [DEPLOYMENT_HISTORY.uri, "whole", deployment];
  const found = useQuery({
    queryKey: key,
    queryFn: () => wholeOf(linked(link), deployment),
    enabled: link !== null,
    refetchInterval: LOOK_ANYWAY_MS,
  });
  const happened = useQuery({
    queryKey: historyKey,
    queryFn: () => historyOf(linked(link), deployment, knownHistory(client, historyKey)),
    enabled: link !== null,
    refetchInterval: LOOK_ANYWAY_MS,
  });
  const look = useConflated(
    () =>
      Promise.all(
        [key, historyKey].map((queryKey) =>
          client.invalidateQueries({ queryKey }, { cancelRefetch: false }),
        ),
      ),
    LOOK_EVERY_MS,
  );
  const [move, setMove] = useState<DeploymentMoved>();
  useHear(DEPLOYMENT_MOVED, (event) => {
    if (event.deployment !== deployment) return;
    setMove(event);
    look();
  });
  const error = found.error ?? happened.error;
  return {
    whole: found.data,
    report: found.data && moved(found.data.report, move),
    history: happened.data ?? NOTHING,
    problem: error ? sentenceOf(error) : null,
    isStale: link === null || error !== null,
  };
}

const NOTHING: readonly HistoryEntry[] = [];

function linked(link: Link | null): Link {
  if (!link) throw new LinkLost();
  return link;
}

async function wholeOf(link: Link, deployment: string): Promise<Whole> {
  const targets: TargetReport[] = [];
  while (true) {
    const after = targets.at(-1)?.device ?? "";
    const page = await link.call(GET_DEPLOYMENT, { deployment, after, most: PER_CALL });
    targets.push(...page.targets);
    if (!page.more || page.targets.length === 0) return { report: page.report, targets };
  }
}

async function historyOf(
  link: Link,
  deployment: string,
  known: readonly HistoryEntry[],
): Promise<readonly HistoryEntry[]> {
  const entries = [...known];
  while (true) {
    const after = entries.at(-1)?.number ?? -1;
    const page = await link.call(DEPLOYMENT_HISTORY, { deployment, after, most: PER_CALL });
    entries.push(...page.entries);
    if (!page.more || page.entries.length === 0) break;
  }
  return entries.length === known.length ? known : entries;
}

function knownHistory(client: QueryClient, key: readonly string[]): readonly HistoryEntry[] {
  return client.getQueryData<readonly HistoryEntry[]>(key) ?? NOTHING;
}
