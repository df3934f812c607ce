/** The columns of the list; on a phone only what one needs to act. */

import { type Deed, fits } from "../../alarms/deeds";
import type { RulesByKey } from "../../alarms/filters";
import { keyOf, type Row } from "../../alarms/order";
import { conditionText, numberText } from "../../alarms/words";
import { address } from "../../app/routes";
import type { AlarmReport } from "../../contract";
import { t } from "../../texts";
import { Button, Moment } from "../../ui/basics";
import type { Column } from "../../ui/Table";
import { SeverityMark, StateText } from "./marks";

interface Options {
  readonly rules: RulesByKey;
  readonly isHidden: boolean;
  readonly may: boolean;
  readonly isBusy: boolean;
  readonly onOpen: (alarm: AlarmReport) => void;
  readonly onDeed: (deed: Deed, alarm: AlarmReport) => void;
  readonly onAcknowledge: (alarm: AlarmReport) => void;
}

const UNHIDING: readonly Deed[] = ["unshelve", "unsuppress", "return_to_service", "reset"];

export function columnsOf(options: Options): readonly Column<Row>[] {
  const { rules, isHidden, may } = options;
  const heads = t.alarms.heads;
  const columns: Column<Row>[] = [
    {
      id: "severity",
      title: heads.severity,
      width: "6.2rem",
      onPhone: false,
      cell: ({ alarm }) => <SeverityMark {...alarm} />,
    },
    {
      id: "alarm",
      title: heads.alarm,
      width: "minmax(0, 2fr)",
      cell: (row) => <Name row={row} onOpen={options.onOpen} />,
    },
    {
      id: "device",
      title: heads.device,
      onPhone: false,
      width: "minmax(7rem, 1fr)",
      cell: ({ alarm }) => <a href={address(["devices", alarm.device])}>{alarm.device}</a>,
    },
  ];
  if (isHidden) {
    columns.push(
      {
        id: "until",
        title: heads.until,
        onPhone: false,
        width: "minmax(6rem, 1fr)",
        cell: ({ alarm }) => <Moment ms={alarm.shelved_until_ms} />,
      },
      {
        id: "who",
        title: heads.who,
        onPhone: false,
        width: "minmax(6rem, 1.4fr)",
        cell: ({ alarm }) => [alarm.who, alarm.comment].filter(Boolean).join(": "),
      },
    );
  } else {
    columns.push(
      {
        id: "value",
        title: heads.value,
        align: "right",
        onPhone: false,
        width: "4rem",
        cell: ({ alarm }) => numberText(alarm.value),
      },
      {
        id: "tag",
        title: heads.tagLimit,
        onPhone: false,
        width: "minmax(9rem, 1.4fr)",
        cell: ({ alarm }) => {
          const limit =
            alarm.kind === null ? t.alarms.byRun : conditionText(rules.get(keyOf(alarm)));
          return (
            <span title={`${alarm.tag} ${limit}`}>
              {alarm.tag || "–"} <span className="quiet">{limit}</span>
            </span>
          );
        },
      },
      {
        id: "since",
        title: heads.since,
        onPhone: false,
        width: "minmax(4.5rem, 0.8fr)",
        cell: ({ alarm }) => <Moment ms={alarm.raised_at_ms ?? alarm.since_ms} />,
      },
    );
  }
  columns.push({
    id: "state",
    title: heads.state,
    onPhone: false,
    width: "minmax(10.2rem, 1fr)",
    cell: ({ alarm, isGone }) =>
      isGone ? <span className="quiet">{t.alarms.gone}</span> : <StateText state={alarm.state} />,
  });
  if (may) {
    columns.push({
      id: "deeds",
      title: heads.deeds,
      width: "var(--alarm-deed)",
      cell: (row) => <RowDeed row={row} {...options} />,
    });
  }
  return columns;
}

function Name({ row, onOpen }: { row: Row; onOpen: (alarm: AlarmReport) => void }) {
  const { alarm, isNew, isGone } = row;
  return (
    <div className="alarm-name" title={alarm.text || undefined}>
      <div className="line">
        <span className="tell-mark">
          <SeverityMark {...alarm} />
        </span>
        <button type="button" className="plain" onClick={() => onOpen(alarm)}>
          {alarm.alarm}
        </button>
        {alarm.first && <span className="alarm-flag">{t.alarms.firstUp}</span>}
        {isNew && <span className="alarm-flag">{t.alarms.isNew}</span>}
      </div>
      <div className="tell quiet">
        {alarm.device}
        {alarm.value === null ? "" : `, ${numberText(alarm.value)}`},{" "}
        {isGone ? t.alarms.gone : <StateText state={alarm.state} />}
      </div>
      {(alarm.text || alarm.kind === null) && (
        <div className="what">{alarm.text || alarm.comment}</div>
      )}
    </div>
  );
}

/** The one deed that is most likely wanted; the others are in the alarm's dialog. */
function RowDeed({ row, isBusy, onDeed, onAcknowledge }: { row: Row } & Options) {
  const { alarm, isGone } = row;
  if (isGone) return null;
  if (fits("acknowledge", alarm)) {
    return (
      <Button isBusy={isBusy} onClick={() => onAcknowledge(alarm)} data-testid="acknowledge">
        {t.alarms.deed.acknowledge}
      </Button>
    );
  }
  const deed = UNHIDING.find((one) => fits(one, alarm));
  if (!deed) return null;
  return (
    <Button onClick={() => onDeed(deed, alarm)} data-testid={`row-${deed}`}>
      {t.alarms.deed[deed]}
    </Button>
  );
}
