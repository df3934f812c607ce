/** Makes a rule, or changes one; what the server finds wrong stands at its field. */

import { useState } from "react";
import type { RulesByKey } from "../../alarms/filters";
import {
  type Draft,
  type Flaws,
  flawsOf,
  has,
  KINDS,
  ruleOf,
  unreadable,
} from "../../alarms/rules";
import { SEVERITIES } from "../../alarms/severity";
import { useAsk, useTell } from "../../app/asking";
import {
  ACTIVE_ALARMS,
  type AlarmKind,
  type AlarmPlace,
  type AlarmRule,
  type AlarmSeverity,
  LATEST,
  LIST_ALARM_RULES,
  SET_ALARM_RULES,
} from "../../contract";
import { t } from "../../texts";
import { Check, Field, Quiet } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { useToast } from "../../ui/toasts";

interface Props {
  readonly draft: Draft;
  readonly devices: readonly string[];
  readonly rules: RulesByKey;
  readonly former?: AlarmRule; // given: it is changed
  readonly onClose: () => void;
}

interface FieldsProps {
  readonly draft: Draft;
  readonly flaws: Flaws;
  readonly put: (change: Partial<Draft>) => void;
}

export function RuleDialog({ draft: first, devices, rules, former, onClose }: Props) {
  const words = t.alarms.rules;
  const [draft, setDraft] = useState(first);
  const [unread, setUnread] = useState<Flaws>({});
  const { tell, busy, problem, error, forget } = useTell(
    SET_ALARM_RULES,
    LIST_ALARM_RULES,
    ACTIVE_ALARMS,
  );
  const note = useToast();
  const told = flawsOf(error);
  const flaws = { ...told, ...unread };
  const put = (change: Partial<Draft>) => {
    setDraft((now) => ({ ...now, ...change }));
    setUnread({});
    if (error) forget();
  };
  async function save() {
    const found = unreadable(draft, words.noNumber);
    setUnread(found);
    if (Object.keys(found).length > 0) return;
    if (!(await tell({ rules: [ruleOf(draft)] }))) return;
    note(words.saved(draft.alarm));
    onClose();
  }
  const isTaken = !former && rules.has(`${draft.device}/${draft.alarm}`);
  return (
    <FormDialog
      title={former ? words.changeTitle(former.alarm, former.device) : words.newTitle}
      name="rule-dialog"
      isWide
      submit={words.save}
      isBusy={busy !== null}
      problem={told ? null : problem}
      onSubmit={() => void save()}
      onClose={onClose}
    >
      <div className="rule-fields">
        {!former && (
          <>
            <Field label={words.device} problem={flaws.device}>
              <select
                value={draft.device}
                required
                onChange={({ target }) => put({ device: target.value })}
                data-testid="rule-device"
              >
                {devices.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </Field>
            <Field
              label={words.alarm}
              hint={isTaken ? words.taken : words.alarmHint}
              problem={flaws.alarm}
            >
              <Text
                name="rule-name"
                value={draft.alarm}
                onChange={(alarm) => put({ alarm })}
                required
              />
            </Field>
          </>
        )}
        <Tag draft={draft} flaws={flaws} put={put} />
        <Field label={words.kind} problem={flaws.kind}>
          <select
            value={draft.kind}
            onChange={({ target }) => put({ kind: target.value as AlarmKind })}
            data-testid="rule-kind"
          >
            {KINDS.map((one) => (
              <option key={one} value={one}>
                {words.kinds[one]}
              </option>
            ))}
          </select>
        </Field>
        <p className="whole quiet" data-testid="kind-means">
          {words.means[draft.kind]}
        </p>
        <OwnFields draft={draft} flaws={flaws} put={put} />
        <Field label={words.severity} problem={flaws.severity}>
          <select
            value={draft.severity}
            onChange={({ target }) => put({ severity: target.value as AlarmSeverity })}
            data-testid="rule-severity"
          >
            {SEVERITIES.map((one) => (
              <option key={one} value={one}>
                {t.alarms.severity[one]}
              </option>
            ))}
          </select>
        </Field>
        <Field label={words.place} problem={flaws.place}>
          <select
            value={draft.place}
            onChange={({ target }) => put({ place: target.value as AlarmPlace })}
            data-testid="rule-place"
          >
            <option value="centre">{words.placeCentre}</option>
            <option value="edge">{words.placeEdge}</option>
          </select>
        </Field>
        <div className="whole">
          <Field label={words.text} hint={words.textHint} problem={flaws.text}>
            <Text name="rule-text" value={draft.text} onChange={(text) => put({ text })} />
          </Field>
        </div>
        <MoreFields draft={draft} flaws={flaws} put={put} />
      </div>
      {former && <Quiet>{words.restarts}</Quiet>}
    </FormDialog>
  );
}

interface TextProps {
  readonly name: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly isNumber?: boolean;
  readonly required?: boolean;
  readonly list?: string;
}

function Text({ name, value, onChange, isNumber = false, ...rest }: TextProps) {
  return (
    <input
      type="text"
      value={value}
      inputMode={isNumber ? "decimal" : "text"}
      autoComplete="off"
      autoCapitalize="none"
      spellCheck={false}
      onChange={({ target }) => onChange(target.value)}
      data-testid={name}
      {...rest}
    />
  );
}

/** The tag, with the device's as proposals; another is allowed: it may come later. */
function Tag({ draft, flaws, put }: FieldsProps) {
  const { data } = useAsk(LATEST, { device: draft.device }, { isWanted: draft.device !== "" });
  return (
    <Field label={t.alarms.rules.tag_} hint={t.alarms.rules.tagHint} problem={flaws.tag}>
      <Text
        name="rule-tag"
        value={draft.tag}
        onChange={(tag) => put({ tag })}
        required
        list="rule-tags"
      />
      <datalist id="rule-tags">
        {data?.values.tags.map((tag) => (
          <option key={tag} value={tag} />
        ))}
      </datalist>
    </Field>
  );
}

/** What only some kinds have. */
function OwnFields({ draft, flaws, put }: FieldsProps) {
  const words = t.alarms.rules;
  const { kind } = draft;
  return (
    <>
      {has(kind, "setpoint") && (
        <Field label={words.setpoint} problem={flaws.setpoint}>
          <Text
            name="rule-setpoint"
            value={draft.setpoint}
            isNumber
            onChange={(setpoint) => put({ setpoint })}
          />
        </Field>
      )}
      {has(kind, "limit") && (
        <Field label={words.limit} problem={flaws.limit}>
          <Text
            name="rule-limit"
            value={draft.limit}
            isNumber
            onChange={(limit) => put({ limit })}
          />
        </Field>
      )}
      {has(kind, "deadband") && (
        <Field label={words.deadband} hint={words.deadbandHint} problem={flaws.deadband}>
          <Text
            name="rule-deadband"
            value={draft.deadband}
            isNumber
            onChange={(deadband) => put({ deadband })}
          />
        </Field>
      )}
      {has(kind, "when") && (
        <Field label={words.when} problem={flaws.when}>
          <select
            value={draft.when ? "on" : "off"}
            onChange={({ target }) => put({ when: target.value === "on" })}
            data-testid="rule-when"
          >
            <option value="on">{words.on}</option>
            <option value="off">{words.off}</option>
          </select>
        </Field>
      )}
      {has(kind, "after") && (
        <Field label={words.after} problem={flaws.after_ms}>
          <Text
            name="rule-after"
            value={draft.after}
            isNumber
            onChange={(after) => put({ after })}
          />
        </Field>
      )}
      {has(kind, "uncertain") && (
        <Check
          label={words.uncertain}
          checked={draft.uncertain}
          onChange={({ target }) => put({ uncertain: target.checked })}
          data-testid="rule-uncertain"
        />
      )}
    </>
  );
}

/** What is seldom needed. */
function MoreFields({ draft, flaws, put }: FieldsProps) {
  const words = t.alarms.rules;
  const isFlawed = flaws.on_delay_ms || flaws.off_delay_ms || flaws.re_alarm_ms || flaws.group;
  const isUsed = draft.onDelay || draft.offDelay || draft.reAlarm || draft.group || draft.latching;
  const [isOpen, setOpen] = useState(Boolean(isUsed));
  return (
    <details
      className="whole rule-more"
      open={isOpen || Boolean(isFlawed)}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
    >
      <summary data-testid="rule-more">{words.more}</summary>
      <div className="rule-fields">
        {has(draft.kind, "delays") && (
          <>
            <Field label={words.onDelay} problem={flaws.on_delay_ms}>
              <Text
                name="rule-on-delay"
                value={draft.onDelay}
                isNumber
                onChange={(onDelay) => put({ onDelay })}
              />
            </Field>
            <Field label={words.offDelay} problem={flaws.off_delay_ms}>
              <Text
                name="rule-off-delay"
                value={draft.offDelay}
                isNumber
                onChange={(offDelay) => put({ offDelay })}
              />
            </Field>
          </>
        )}
        <Field label={words.reAlarm} hint={words.reAlarmHint} problem={flaws.re_alarm_ms}>
          <Text
            name="rule-re-alarm"
            value={draft.reAlarm}
            isNumber
            onChange={(reAlarm) => put({ reAlarm })}
          />
        </Field>
        <Field label={words.group_} hint={words.groupHint} problem={flaws.group}>
          <Text name="rule-group" value={draft.group} onChange={(group) => put({ group })} />
        </Field>
        <div className="whole">
          <Check
            label={words.latching_}
            checked={draft.latching}
            onChange={({ target }) => put({ latching: target.checked })}
            data-testid="rule-latching"
          />
        </div>
      </div>
    </details>
  );
}
