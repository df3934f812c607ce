/** One alarm: how it stands, its rule, what happened, and what can be done. */

import { useState } from "react";
import { type Deed, fitting } from "../../alarms/deeds";
import { causeText, conditionText, numberText } from "../../alarms/words";
import { useAsk } from "../../app/asking";
import { address } from "../../app/routes";
import { ALARM_JOURNAL, type AlarmReport, type AlarmRule } from "../../contract";
import { t } from "../../texts";
import { Button, Facts, Moment, Problem, Quiet } from "../../ui/basics";
import { Dialog } from "../../ui/Dialog";
import { SeverityMark, StateText } from "./marks";
import { useActiveAlarms } from "./useAlarms";

const HISTORY_MS = 31 * 86_400_000;
const HISTORY_LENGTH = 30;

interface Props {
  readonly name: string; // device/alarm
  readonly rule: AlarmRule | undefined;
  readonly may: boolean;
  readonly onDeed: (deed: Deed) => void;
  readonly onClose: () => void;
}

export function AlarmDialog({ name, rule, may, onDeed, onClose }: Props) {
  const { data } = useActiveAlarms();
  const [device = "", alarm = ""] = name.split("/");
  const found = data?.alarms.find((one) => one.device === device && one.alarm === alarm);
  return (
    <Dialog title={`${alarm} (${device})`} name="alarm-dialog" isWide onClose={onClose}>
      {found ? <Standing alarm={found} rule={rule} /> : <Quiet>{t.alarms.one.notThere}</Quiet>}
      {found && may && (
        <div className="buttons">
          {fitting([found]).map((deed) => (
            <Button key={deed} onClick={() => onDeed(deed)} data-testid={`one-${deed}`}>
              {t.alarms.deed[deed]}
            </Button>
          ))}
        </div>
      )}
      <h3>{t.alarms.one.history}</h3>
      <History device={device} alarm={alarm} />
      <div className="buttons">
        <Button onClick={onClose}>{t.ui.close}</Button>
        <a href={address(["alarms", "journal"], { device, alarm, span: HISTORY_MS })}>
          {t.alarms.one.toJournal}
        </a>
        {rule && (
          <a href={address(["alarms", "rules"], { device, change: name })}>{t.alarms.one.toRule}</a>
        )}
      </div>
    </Dialog>
  );
}

function Standing({ alarm, rule }: { alarm: AlarmReport; rule: AlarmRule | undefined }) {
  const words = t.alarms.one;
  const heads = t.alarms.heads;
  const said = [alarm.who, alarm.comment].filter(Boolean).join(": ");
  return (
    <Facts
      facts={[
        [heads.severity, <SeverityMark key="severity" {...alarm} />],
        [heads.state, <StateText key="state" state={alarm.state} />],
        ...(alarm.text ? [[words.message, alarm.text] as const] : []),
        [heads.tag, alarm.tag || "–"],
        [heads.value, numberText(alarm.value)],
        [
          words.rule,
          rule ? `${t.alarms.rules.kinds[rule.kind]}: ${conditionText(rule)}` : words.noRule,
        ],
        [words.raised, <Moment key="raised" ms={alarm.raised_at_ms} />],
        ...(alarm.shelved_until_ms
          ? [[heads.until, <Moment key="until" ms={alarm.shelved_until_ms} />] as const]
          : []),
        ...(rule?.group ? [[words.group, rule.group] as const] : []),
        ...(said ? [[words.lastComment, said] as const] : []),
        [words.place, t.alarms.place[alarm.place] ?? alarm.place],
      ]}
    />
  );
}

function History({ device, alarm }: { device: string; alarm: string }) {
  const [toMs] = useState(() => Date.now() + 3_600_000); // what comes meanwhile, too
  const { data, problem } = useAsk(ALARM_JOURNAL, {
    from_ms: toMs - HISTORY_MS,
    to_ms: toMs,
    device,
    alarm,
    limit: HISTORY_LENGTH,
  });
  if (problem) return <Problem>{problem}</Problem>;
  if (!data) return <Quiet>{t.ui.loading}</Quiet>;
  if (data.entries.length === 0) return <Quiet>{t.alarms.journal.none}</Quiet>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keys must reach it
    <ol className="alarm-history" tabIndex={0} aria-label={t.alarms.one.history}>
      {data.entries.map(({ id, transition }) => (
        <li key={id}>
          <Moment ms={transition.at_us / 1000} />
          <span>
            {causeText(transition.cause)}
            {transition.value === null ? "" : ` (${numberText(transition.value)})`}
            {transition.who && `, ${transition.who}`}
            {transition.comment && `: ${transition.comment}`}
          </span>
        </li>
      ))}
    </ol>
  );
}
