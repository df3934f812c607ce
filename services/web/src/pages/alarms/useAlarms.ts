/** What is asked about alarms by several pages, and what is done about them. */

import { useEffect, useMemo, useRef, useState } from "react";
import { commandsFor, type Deed, PROCEDURES } from "../../alarms/deeds";
import { rulesByKey } from "../../alarms/filters";
import { useAsk, useHear, useRefresh, useScope } from "../../app/asking";
import {
  ACTIVE_ALARMS,
  ALARM_JOURNAL,
  ALARM_TRANSITIONS,
  type AlarmReport,
  LIST_ALARM_RULES,
} from "../../contract";
import { t } from "../../texts";
import { sentenceOf } from "../../wamp/errors";

const MOST_SHOWN = 1000;
const REFRESH_EVERY_MS = 30_000;
const FIRST_AFTER_MS = 150; // what comes together is asked for once
const AT_MOST_EVERY_MS = 1_500;
const PER_ALARM_MS = 4; // a long list is dear to make: in a flood it is asked for less often
const JITTER = 0.3; // many pages hear of an alarm at once

/** All alarms that are not normal. */
export function useActiveAlarms() {
  return useAsk(ACTIVE_ALARMS, { limit: MOST_SHOWN }, { everyMs: REFRESH_EVERY_MS });
}

/** Has whoever shows alarms ask again when one moves: soon, but not often in a flood. */
export function useFollowAlarms(count: number): void {
  const refresh = useRefresh();
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const askedAtMs = useRef(0);
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = null;
    },
    [],
  );
  useHear(ALARM_TRANSITIONS, () => {
    if (timer.current !== null || document.hidden) return; // asked when looked at again
    const sinceMs = Date.now() - askedAtMs.current;
    const everyMs = AT_MOST_EVERY_MS + count * PER_ALARM_MS;
    timer.current = setTimeout(
      () => {
        timer.current = null;
        askedAtMs.current = Date.now();
        refresh(ACTIVE_ALARMS);
      },
      Math.max(FIRST_AFTER_MS, everyMs - sinceMs) * (1 + Math.random() * JITTER),
    );
  });
}

/** Rules by device and alarm: the limits and groups of what the list shows. */
export function useRules(device: string | null = null) {
  const asked = useAsk(LIST_ALARM_RULES, { device });
  const { data } = asked;
  const byKey = useMemo(() => rulesByKey(data?.rules ?? []), [data]);
  return { ...asked, rules: data?.rules ?? null, byKey };
}

export interface Doing {
  readonly busy: boolean;
  readonly problem: string | null;
  readonly forget: () => void;
  /** How many alarms moved; null when any device refused, and `problem` says why. */
  readonly perform: (
    deed: Deed,
    alarms: readonly AlarmReport[],
    comment?: string,
    untilMs?: number | null,
  ) => Promise<number | null>;
}

/** Deeds on alarms of any devices; one that refuses does not keep the others from it. */
export function useDeeds(): Doing {
  const { link } = useScope();
  const refresh = useRefresh();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const perform: Doing["perform"] = async (deed, alarms, comment = "", untilMs = null) => {
    const commands = commandsFor(deed, alarms, comment, untilMs);
    setBusy(true);
    setProblem(null);
    const results = await Promise.allSettled(
      commands.map((command) =>
        link
          ? link.call(PROCEDURES[deed], command)
          : Promise.reject(new Error(t.connection.waiting)),
      ),
    );
    refresh(ACTIVE_ALARMS, ALARM_JOURNAL);
    setBusy(false);
    const failures = results.flatMap((result, index) =>
      result.status === "rejected"
        ? [t.alarms.refusedOn(commands[index]?.device ?? "", sentenceOf(result.reason))]
        : [],
    );
    if (commands.length === 0) failures.push(t.alarms.nothingDone);
    if (failures.length > 0) {
      setProblem(failures.join(" "));
      return null;
    }
    return commands.reduce((sum, { alarms: names }) => sum + (names?.length ?? 0), 0);
  };
  return { busy, problem, forget: () => setProblem(null), perform };
}
