/** The device's active alarms, the most urgent first. */

import { useMemo } from "react";
import { useAsk, useHear } from "../../app/asking";
import { address } from "../../app/routes";
import { ACTIVE_ALARMS, ALARM_TRANSITIONS } from "../../contract";
import { isShown, severityWord } from "../../device/alarms";
import { Conflation } from "../../device/conflate";
import { t } from "../../texts";
import { Ago, Panel, Problem, Quiet, Status } from "../../ui/basics";

const MOST = 8;
const EVERY_MS = 30_000;
const SETTLE_MS = 500;
const TONES = { low: "normal", medium: "act", high: "bad", critical: "bad" } as const;
const words = t.device.alarms;

export function AlarmsPanel({ device }: { device: string }) {
  const { data, problem, isStale, refresh } = useAsk(
    ACTIVE_ALARMS,
    { device },
    { everyMs: EVERY_MS },
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: `refresh` is new at every look
  const settled = useMemo(() => new Conflation<null>(SETTLE_MS, refresh), [device]);
  useHear(ALARM_TRANSITIONS, () => settled.add(null), { device });
  const alarms = (data?.alarms ?? []).filter(({ state }) => isShown(state));
  return (
    <Panel
      title={words.title}
      name="device-alarms"
      isStale={isStale}
      actions={<a href={address(["alarms"], { device })}>{words.all}</a>}
    >
      {problem && <Problem>{problem}</Problem>}
      {data && alarms.length === 0 && <Quiet>{words.none}</Quiet>}
      <ul className="device-alarms">
        {alarms.slice(0, MOST).map(({ alarm, text, state, severity, since_ms }) => {
          const word = severityWord(severity);
          const isWaiting = state !== "acknowledged" && state !== "latched_acknowledged";
          return (
            <li key={alarm} data-testid="device-alarm" data-alarm={alarm}>
              <Status tone={TONES[word]}>{t.fleet.severity[word]}</Status>{" "}
              <strong>{text || alarm}</strong>{" "}
              <span className="quiet">
                {isWaiting ? words.unacknowledged : words.acknowledged}, <Ago ms={since_ms} />
              </span>
            </li>
          );
        })}
      </ul>
      {alarms.length > MOST && <Quiet>{words.more(alarms.length - MOST)}</Quiet>}
    </Panel>
  );
}
