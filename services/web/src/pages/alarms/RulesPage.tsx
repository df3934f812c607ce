/** What raises alarms, device by device; and who is told of them outside of Heddle. */

import { useState } from "react";
import { keyOf } from "../../alarms/order";
import { draftOf, EMPTY } from "../../alarms/rules";
import { conditionText } from "../../alarms/words";
import { useMay, useTell } from "../../app/asking";
import { ConfirmDialog } from "../../app/ConfirmDialog";
import { useDevices } from "../../app/devices";
import { address, type PageProps, replaceQuery } from "../../app/routes";
import {
  ACTIVE_ALARMS,
  type AlarmRule,
  LIST_ALARM_RULES,
  REMOVE_ALARM_RULES,
  SET_ALARM_RULES,
} from "../../contract";
import { t } from "../../texts";
import { Button, PageHead, Panel, Problem, Quiet, Search } from "../../ui/basics";
import { type Column, Table } from "../../ui/Table";
import { AlarmTabs } from "./AlarmTabs";
import { Choice } from "./Choice";
import { Notices } from "./Notices";
import { RuleDialog } from "./RuleDialog";
import { useRules } from "./useAlarms";
import "./alarms.css";

export default function RulesPage({ query }: PageProps) {
  return query.get("list") === "notices" ? <Notices /> : <Rules query={query} />;
}

function Rules({ query }: { query: URLSearchParams }) {
  const words = t.alarms.rules;
  const device = query.get("device") ?? "";
  const text = query.get("q") ?? "";
  const { rules, byKey, problem, isStale } = useRules(device || null); // all may be too many
  const { devices } = useDevices();
  const may = useMay(SET_ALARM_RULES);
  const [isNew, setNew] = useState(false);
  const [removing, setRemoving] = useState<AlarmRule | null>(null);
  const known = [...new Set([...(devices ?? []).map((one) => one.device), device])]
    .filter(Boolean)
    .sort();
  const shown = (rules ?? []).filter(
    (rule) =>
      (!device || rule.device === device) &&
      [rule.device, rule.alarm, rule.tag, rule.text]
        .join(" ")
        .toLowerCase()
        .includes(text.toLowerCase()),
  );
  const changing = may ? byKey.get(query.get("change") ?? "") : undefined;
  const change = (rule: AlarmRule) => replaceQuery({ device, q: text, change: keyOf(rule) });
  const close = () => {
    setNew(false);
    replaceQuery({ device, q: text });
  };
  return (
    <>
      <PageHead title={words.title}>
        {may && (
          <Button look="primary" onClick={() => setNew(true)} data-testid="new-rule">
            {words.add}
          </Button>
        )}
      </PageHead>
      <AlarmTabs open="rules" />
      <Panel isStale={isStale} name="rules">
        <div className="filters">
          <Search value={text} onChange={(q) => replaceQuery({ device, q })} />
          <Choice
            label={t.alarms.filterDevice}
            any={t.alarms.anyDevice}
            value={device}
            options={known.map((one) => [one, one])}
            onChoose={(one) => replaceQuery({ device: one, q: text })}
            name="filter-device"
          />
        </div>
        {problem && <Problem>{problem}</Problem>}
        {!rules && !problem && <Quiet>{t.ui.loading}</Quiet>}
        {rules && shown.length === 0 && (
          <Quiet>{device && rules.length > 0 ? words.noneOf(device) : words.none}</Quiet>
        )}
        {shown.length > 0 && (
          <Table
            label={words.title}
            name="rule"
            columns={columnsOf(may, change, setRemoving)}
            rows={shown}
            keyOf={({ device: of, alarm }) => `${of}/${alarm}`}
            data={({ device: of, alarm }) => ({ "data-device": of, "data-alarm": alarm })}
            sortedBy="device"
          />
        )}
      </Panel>
      {isNew && (
        <RuleDialog
          draft={{ ...EMPTY, device: device || (known[0] ?? "") }}
          devices={known}
          rules={byKey}
          onClose={close}
        />
      )}
      {changing && (
        <RuleDialog
          key={`${changing.device}/${changing.alarm}`}
          draft={draftOf(changing)}
          devices={known}
          rules={byKey}
          former={changing}
          onClose={close}
        />
      )}
      {removing && <RemoveDialog rule={removing} onClose={() => setRemoving(null)} />}
    </>
  );
}

function columnsOf(
  may: boolean,
  onChange: (rule: AlarmRule) => void,
  onRemove: (rule: AlarmRule) => void,
): readonly Column<AlarmRule>[] {
  const words = t.alarms.rules;
  const columns: Column<AlarmRule>[] = [
    {
      id: "device",
      title: t.alarms.heads.device,
      width: "minmax(5rem, 1fr)",
      onPhone: false,
      sort: ({ device }) => device,
      cell: ({ device }) => <a href={address(["devices", device])}>{device}</a>,
    },
    {
      id: "alarm",
      title: words.heads.alarm,
      width: "minmax(0, 1.6fr)",
      sort: ({ alarm }) => alarm,
      cell: ({ device, alarm, text }) => (
        <div className="alarm-name" title={text || undefined}>
          {alarm}
          <span className="tell quiet">{device}</span>
          {text && <div className="what">{text}</div>}
        </div>
      ),
    },
    {
      id: "condition",
      title: words.heads.condition,
      width: "minmax(0, 1.6fr)",
      sort: ({ tag }) => tag,
      cell: (rule) => (
        <>
          {rule.tag} {conditionText(rule)}
        </>
      ),
    },
    {
      id: "severity",
      title: words.heads.severity,
      width: "5rem",
      onPhone: false,
      sort: ({ severity }) => severity,
      cell: ({ severity }) => t.alarms.severity[severity],
    },
    {
      id: "more",
      title: words.heads.more,
      width: "minmax(6rem, 1.4fr)",
      onPhone: false,
      cell: (rule) => <span className="quiet">{moreOf(rule)}</span>,
    },
    {
      id: "place",
      title: words.heads.place,
      width: "7rem",
      onPhone: false,
      sort: ({ place }) => place,
      cell: ({ place }) => t.alarms.place[place],
    },
  ];
  if (!may) return columns;
  return [
    ...columns,
    {
      id: "deeds",
      title: words.heads.deeds,
      width: "var(--alarm-deeds)",
      cell: (rule) => (
        <div className="buttons">
          <Button
            aria-label={words.changeOf(rule.alarm)}
            onClick={() => onChange(rule)}
            data-testid="change-rule"
          >
            {words.change}
          </Button>
          <Button
            aria-label={words.removeOf(rule.alarm)}
            onClick={() => onRemove(rule)}
            data-testid="remove-rule"
          >
            {words.remove}
          </Button>
        </div>
      ),
    },
  ];
}

function moreOf(rule: AlarmRule): string {
  const words = t.alarms.rules;
  return [
    words.delay(rule.on_delay_ms, rule.off_delay_ms),
    rule.latching ? words.latching : "",
    rule.re_alarm_ms > 0 ? words.again(rule.re_alarm_ms) : "",
    rule.group ? words.group(rule.group) : "",
  ]
    .filter(Boolean)
    .join(", ");
}

function RemoveDialog({ rule, onClose }: { rule: AlarmRule; onClose: () => void }) {
  const words = t.alarms.rules;
  const telling = useTell(REMOVE_ALARM_RULES, LIST_ALARM_RULES, ACTIVE_ALARMS);
  return (
    <ConfirmDialog
      telling={telling}
      request={{ device: rule.device, alarms: [rule.alarm] }}
      title={words.removeTitle(rule.alarm, rule.device)}
      name="remove-rule-dialog"
      submit={words.remove}
      done={words.removed(rule.alarm)}
      onClose={onClose}
    >
      <Quiet>{words.removeMeans}</Quiet>
    </ConfirmDialog>
  );
}
