/**
 * The list an operator works in: by keys or pointer, one alarm or many.
 *
 * Alarms are known by their names, not by their places: what is selected, focused or open
 * stays so wherever it moves. While a hand is in the list, its rows keep their places.
 */

import { useEffect, useMemo, useRef, useState } from "react";
import { type Deed, fits, fitting } from "../../alarms/deeds";
import type { RulesByKey } from "../../alarms/filters";
import { called, callingKeys, keyOf } from "../../alarms/order";
import { severityOf } from "../../alarms/severity";
import { useMay } from "../../app/asking";
import { replaceQuery } from "../../app/routes";
import { ACKNOWLEDGE_ALARMS, type AlarmReport } from "../../contract";
import { t } from "../../texts";
import { Button, Problem } from "../../ui/basics";
import { useKeys } from "../../ui/keys";
import { Table } from "../../ui/Table";
import { useToast } from "../../ui/toasts";
import { AlarmDialog } from "./AlarmDialog";
import { columnsOf } from "./columns";
import { DeedDialog } from "./DeedDialog";
import { useFocusKept, useHeld, useRows } from "./hands";
import { useDeeds } from "./useAlarms";

interface Props {
  readonly all: readonly AlarmReport[]; // whatever the filters
  readonly alarms: readonly AlarmReport[]; // that the filters let pass
  readonly filtering: string; // by what: another one is another list
  readonly rules: RulesByKey;
  readonly isHidden: boolean;
  readonly opened: string | null; // the alarm whose dialog is open, by its key
}

interface Asking {
  readonly deed: Deed;
  readonly keys: ReadonlySet<string>;
}

export function AlarmList({ all, alarms, filtering, rules, isHidden, opened }: Props) {
  const may = useMay(ACKNOWLEDGE_ALARMS);
  const { busy, problem, perform, forget } = useDeeds();
  const note = useToast();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState<Asking | null>(null);
  const held = useHeld();
  const rows = useRows(alarms, held.isHeld);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when the filters change
  useEffect(held.release, [filtering]);
  const list = useRef<HTMLDivElement>(null);
  const keepFocus = useFocusKept(list, rows);
  const byKey = useMemo(() => new Map(alarms.map((one) => [keyOf(one), one])), [alarms]);
  const present = new Set([...selected].filter((key) => byKey.has(key)));
  const chosen = [...present].flatMap((key) => byKey.get(key) ?? []);

  const pick = (keys: Iterable<string>) => [...keys].flatMap((key) => byKey.get(key) ?? []);
  async function acknowledge(wanted: readonly AlarmReport[]) {
    const done = await perform("acknowledge", wanted);
    if (done === null) return;
    note(t.alarms.done.acknowledge(done));
    setSelected(new Set());
  }
  function focused(): readonly string[] {
    const key = document.activeElement?.closest<HTMLElement>("[data-key]")?.dataset.key;
    return key ? [key] : [];
  }
  /** What a key is about: the selected, or the row that has the focus. */
  const meant = () => (present.size > 0 ? [...present] : focused());
  function ask(deed: Deed, keys: readonly string[] = meant()) {
    if (may && pick(keys).some((one) => fits(deed, one))) setAsking({ deed, keys: new Set(keys) });
  }
  const acknowledgeMeant = () => {
    const wanted = pick(meant()).filter((one) => fits("acknowledge", one));
    if (may && wanted.length > 0) void acknowledge(wanted);
  };
  const commentMeant = () => ask("acknowledge");
  const clear = () => setSelected(new Set());
  const toFirst = () => list.current?.querySelector<HTMLElement>('[data-row="0"]')?.focus();
  useKeys({
    k: acknowledgeMeant,
    K: commentMeant,
    s: () => ask("shelve"),
    m: () => ask("comment"),
    Escape: clear,
    ArrowDown: toFirst,
  });
  const columns = columnsOf({
    rules,
    isHidden,
    may,
    isBusy: busy,
    onOpen: (one) => open(keyOf(one)),
    onDeed: (deed, one) => setAsking({ deed, keys: new Set([keyOf(one)]) }),
    onAcknowledge: (one) => void acknowledge([one]),
  });
  const fresh = rows.filter(({ isNew }) => isNew).length;
  return (
    <>
      <Announce alarms={all} isWanted={!isHidden} />
      <div className="alarm-tools">
        {may && (
          <Deeds
            chosen={chosen}
            shown={alarms}
            isBusy={busy}
            onAcknowledge={(wanted) => void acknowledge(wanted)}
            onAsk={(deed, wanted) => setAsking({ deed, keys: new Set(wanted.map(keyOf)) })}
            onClear={() => setSelected(new Set())}
          />
        )}
        {!may && <span className="quiet">{t.alarms.viewOnly}</span>}
      </div>
      {problem && <Problem name="deed-problem">{problem}</Problem>}
      {rows.length > 0 && (
        // biome-ignore lint/a11y/noStaticElementInteractions: only notices that somebody is here
        <div
          ref={list}
          onPointerMove={held.touch}
          onPointerDown={held.touch}
          onKeyDown={held.touch}
          onFocus={keepFocus}
          data-testid="alarm-list"
        >
          <Table
            label={isHidden ? t.alarms.tabs.hidden(0) : t.alarms.title}
            name="alarm"
            columns={columns}
            rows={rows}
            keyOf={({ alarm }) => keyOf(alarm)}
            data={({ alarm, isGone }) => ({
              "data-key": keyOf(alarm),
              "data-device": alarm.device,
              "data-alarm": alarm.alarm,
              "data-state": isGone ? "normal" : alarm.state,
              "data-severity": severityOf(alarm.severity),
              "data-gone": isGone,
            })}
            onOpen={({ alarm }) => open(keyOf(alarm))}
            {...(may
              ? {
                  selected: present,
                  onSelect: (keys: ReadonlySet<string>) => {
                    forget();
                    setSelected(keys);
                  },
                }
              : {})}
          />
        </div>
      )}
      {rows.length > 0 && (
        <div className="alarm-foot">
          {may && <KeysHelp />}
          <span className="order" data-testid="alarm-order" data-held={held.isHeld}>
            {held.isHeld ? t.alarms.held(fresh) : t.alarms.sorted}{" "}
            {fresh > 0 && <Button onClick={held.release}>{t.alarms.sortNow}</Button>}
          </span>
        </div>
      )}
      {asking && (
        <DeedDialog
          deed={asking.deed}
          alarms={pick(asking.keys)}
          onClose={() => setAsking(null)}
          onDone={() => {
            setAsking(null);
            setSelected(new Set());
          }}
        />
      )}
      {opened && !asking && (
        <AlarmDialog
          name={opened}
          rule={rules.get(opened)}
          may={may}
          onDeed={(deed) => setAsking({ deed, keys: new Set([opened]) })}
          onClose={() => open(null)}
        />
      )}
    </>
  );
}

/** Opens an alarm's dialog; the address tells which, so it can be shown to somebody. */
function open(key: string | null) {
  const query = new URLSearchParams(location.hash.split("?")[1] ?? "");
  replaceQuery({ ...Object.fromEntries(query), alarm: key });
}

/** Says what is new to whoever cannot see the list. */
function Announce({ alarms, isWanted }: { alarms: readonly AlarmReport[]; isWanted: boolean }) {
  const before = useRef<ReadonlySet<string> | null>(null);
  const [text, setText] = useState("");
  useEffect(() => {
    if (before.current && isWanted) {
      const fresh = called(before.current, alarms).slice(0, 3);
      if (fresh.length > 0) {
        const said = fresh.map(({ severity, device, alarm }) =>
          t.alarms.comeOne(t.alarms.severity[severityOf(severity)], device, alarm),
        );
        setText(t.alarms.come(said));
      }
    }
    before.current = callingKeys(alarms);
  }, [alarms, isWanted]);
  return (
    <span className="hidden" aria-live="polite" data-testid="alarm-news">
      {text}
    </span>
  );
}

interface DeedsProps {
  readonly chosen: readonly AlarmReport[];
  readonly shown: readonly AlarmReport[];
  readonly isBusy: boolean;
  readonly onAcknowledge: (alarms: readonly AlarmReport[]) => void;
  readonly onAsk: (deed: Deed, alarms: readonly AlarmReport[]) => void;
  readonly onClear: () => void;
}

/** What can be done about the selected; without a selection, about all that are shown. */
function Deeds({ chosen, shown, isBusy, onAcknowledge, onAsk, onClear }: DeedsProps) {
  if (chosen.length === 0) {
    const open = shown.filter((one) => fits("acknowledge", one));
    if (open.length === 0) return null;
    return (
      <Button onClick={() => onAsk("acknowledge", open)} data-testid="acknowledge-all">
        {t.alarms.ackAll(open.length)}
      </Button>
    );
  }
  return (
    <>
      <span data-testid="alarms-selected">{t.ui.selected(chosen.length)}</span>
      {fitting(chosen).map((deed) =>
        deed === "acknowledge" ? (
          <Button
            key={deed}
            look="primary"
            isBusy={isBusy}
            onClick={() => onAcknowledge(chosen)}
            data-testid="deed-acknowledge"
          >
            {t.alarms.deed.acknowledge}
          </Button>
        ) : (
          <Button key={deed} onClick={() => onAsk(deed, chosen)} data-testid={`deed-${deed}`}>
            {t.alarms.deed[deed]}
          </Button>
        ),
      )}
      {chosen.some((one) => fits("acknowledge", one)) && (
        <Button onClick={() => onAsk("acknowledge", chosen)} data-testid="deed-acknowledge-comment">
          {t.alarms.withComment}
        </Button>
      )}
      <Button look="plain" onClick={onClear}>
        {t.alarms.clearSelection}
      </Button>
    </>
  );
}

function KeysHelp() {
  return (
    <details className="alarm-keys">
      <summary>{t.alarms.keysTitle}</summary>
      <dl>
        {t.alarms.keysAre.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
