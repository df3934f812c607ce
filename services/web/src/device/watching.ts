/** The whole fleet's alarms and active runs for components: asked now and then, heard of. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { useAsk, useHear, useLink } from "../app/asking";
import {
  ACTIVE_ALARMS,
  ALARM_TRANSITIONS,
  type AlarmEntry,
  type DeviceReport,
  RESOLVE_TARGETS,
  RUNS,
  type RunRecord,
} from "../contract";
import { LinkLost, sentenceOf } from "../wamp/errors";
import type { Link } from "../wamp/link";
import { type AlarmStates, byDevice, type DeviceAlarms, moved, statesOf } from "./alarms";
import { Conflation } from "./conflate";
import { type FleetRow, joined, type RunsByDevice } from "./fleet";
import { activeByDevice } from "./runs";

const SHOWN_EVERY_MS = 400;
const ALARMS_EVERY_MS = 30_000;
const MOST_ALARMS = 5_000;
const RUNS_EVERY_MS = 5_000;
const MANY_RUNS = 300;
const MANY_RUNS_EVERY_MS = 15_000;
const RUNS_PER_CALL = 1_000;
const LABELS_EVERY_MS = 30_000;

interface Watched<Value> {
  readonly value: Value | null; // null: not known yet
  readonly problem: string | null;
}

/** Every device's alarms: one question, then the transitions as they come. */
export function useFleetAlarms(): Watched<ReadonlyMap<string, DeviceAlarms>> {
  const { data, problem } = useAsk(
    ACTIVE_ALARMS,
    { limit: MOST_ALARMS },
    { everyMs: ALARMS_EVERY_MS },
  );
  const [states, setStates] = useState<AlarmStates | null>(null);
  const before = useRef<ReadonlyMap<string, DeviceAlarms>>(new Map());
  useEffect(() => {
    if (data) setStates(statesOf(data.alarms));
  }, [data]);
  const conflation = useMemo(
    () =>
      new Conflation<readonly AlarmEntry[]>(SHOWN_EVERY_MS, (all) =>
        setStates((known) => (known ? moved(known, all.flat()) : known)),
      ),
    [],
  );
  useEffect(() => () => conflation.end(), [conflation]);
  useHear(ALARM_TRANSITIONS, ({ entries }) => conflation.add(entries));
  const value = useMemo(() => {
    if (!states) return null;
    before.current = byDevice(states, before.current);
    return before.current;
  }, [states]);
  return { value, problem };
}

async function allActive(link: Link): Promise<readonly RunRecord[]> {
  const found: RunRecord[] = [];
  for (let before: number | null | undefined; before !== null; ) {
    const page = await link.call(RUNS, {
      active: true,
      limit: RUNS_PER_CALL,
      ...(before === undefined ? {} : { before }),
    });
    found.push(...page.runs);
    before = page.runs.length > 0 ? page.more : null;
  }
  return found;
}

/** Every device's active runs, as fleetdata knows them by their events. */
export function useActiveRuns(): Watched<RunsByDevice> {
  const link = useLink();
  const before = useRef<RunsByDevice>(new Map());
  const { data, error } = useQuery({
    queryKey: [RUNS.uri, "active"],
    queryFn: () => {
      if (!link) throw new LinkLost();
      return allActive(link);
    },
    enabled: link !== null,
    refetchInterval: ({ state }) =>
      (state.data?.length ?? 0) > MANY_RUNS ? MANY_RUNS_EVERY_MS : RUNS_EVERY_MS,
  });
  const value = useMemo(() => {
    if (!data) return null;
    before.current = activeByDevice(data, before.current);
    return before.current;
  }, [data]);
  return { value, problem: error ? sentenceOf(error) : null };
}

/** The devices that a selector of labels fits; null: all, or not known yet. */
export function useFitting(labels: string): Watched<ReadonlySet<string>> {
  const { data, problem } = useAsk(
    RESOLVE_TARGETS,
    { targets: { devices: [], labels, all: false, dynamic: false } },
    { isWanted: labels !== "", everyMs: LABELS_EVERY_MS, keeps: true },
  );
  const value = useMemo(
    () => (data && labels !== "" ? new Set(data.devices) : null),
    [data, labels],
  );
  return { value, problem: labels === "" ? null : problem };
}

const NOTHING = new Map<string, never>();

/** The fleet's rows; those of which nothing changed stay the same objects. */
export function useFleetRows(
  devices: readonly DeviceReport[] | null,
  alarms: ReadonlyMap<string, DeviceAlarms> | null,
  runs: RunsByDevice | null,
): readonly FleetRow[] {
  const before = useRef<ReadonlyMap<string, FleetRow>>(new Map());
  return useMemo(() => {
    const rows = joined(devices ?? [], alarms ?? NOTHING, runs ?? NOTHING, before.current);
    before.current = new Map(rows.map((row) => [row.report.device, row]));
    return rows;
  }, [devices, alarms, runs]);
}
