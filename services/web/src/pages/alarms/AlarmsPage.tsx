/** The alarms that ask for attention, the most urgent first, and those that are hidden. */

import { useEffect, useMemo } from "react";
import {
  countsOf,
  type Filters,
  filtered,
  filtersOf,
  parted,
  STATE_CHOICES,
} from "../../alarms/filters";
import { keyOf } from "../../alarms/order";
import { SEVERITIES } from "../../alarms/severity";
import { type PageProps, replaceQuery } from "../../app/routes";
import type { AlarmReport } from "../../contract";
import { t } from "../../texts";
import { Button, PageHead, Panel, Problem, Quiet, Search } from "../../ui/basics";
import { AlarmList } from "./AlarmList";
import { AlarmTabs } from "./AlarmTabs";
import { Choice } from "./Choice";
import { SeverityShape } from "./marks";
import { useActiveAlarms, useRules } from "./useAlarms";
import "./alarms.css";

export default function AlarmsPage({ query }: PageProps) {
  const { data, problem, isStale } = useActiveAlarms();
  const { byKey, rules, refresh } = useRules();
  const isHidden = query.get("list") === "hidden";
  const filters = useMemo(() => filtersOf(query), [query]);
  const { shown, hidden } = useMemo(() => parted(data?.alarms ?? []), [data]);
  const all = isHidden ? hidden : shown;
  const unruled = (data?.alarms ?? []).filter(
    (one) => one.kind !== null && rules !== null && !byKey.has(keyOf(one)),
  );
  const missing = unruled.map(keyOf).join(" ");
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each rule that is new
  useEffect(() => {
    if (missing) refresh(); // somebody made a rule meanwhile
  }, [missing]);
  const alarms = useMemo(() => filtered(all, filters, byKey), [all, filters, byKey]);
  const groups = [...new Set([...byKey.values()].map(({ group }) => group))].filter(Boolean);
  const total = Object.values(data?.by_state ?? {}).reduce((sum, one) => sum + one, 0);
  const unlisted = data ? total - data.alarms.length : 0;

  function choose(change: Partial<Record<keyof Filters, string | null>>) {
    const { severity, state, device, group, text } = { ...filters, ...change };
    const list = isHidden ? "hidden" : null;
    replaceQuery({ list, severity, state, device, group, q: text });
  }
  const isFiltered = alarms.length < all.length || filters.text !== "";
  return (
    <>
      <PageHead title={t.alarms.title} />
      <AlarmTabs open={isHidden ? "hidden" : "active"} />
      {!isHidden && (
        <Counts
          alarms={shown}
          chosen={filters.severity}
          onChoose={(severity) => choose({ severity })}
        />
      )}
      <Panel isStale={isStale} name={isHidden ? "hidden-alarms" : "active-alarms"}>
        {problem && <Problem>{problem}</Problem>}
        <FilterBar
          alarms={all}
          groups={groups}
          filters={filters}
          isHidden={isHidden}
          onChoose={choose}
        />
        {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
        {data && (
          <AlarmList
            key={isHidden ? "hidden" : "active"}
            all={all}
            alarms={alarms}
            filtering={JSON.stringify(filters)}
            rules={byKey}
            isHidden={isHidden}
            opened={query.get("alarm")}
          />
        )}
        {data && alarms.length === 0 && (
          <Quiet name="no-alarms">
            {isFiltered ? t.alarms.noneOfFilter : isHidden ? t.alarms.noneHidden : t.alarms.none}{" "}
            {isFiltered && (
              <Button
                onClick={() =>
                  choose({ severity: null, state: null, device: "", group: "", text: "" })
                }
              >
                {t.alarms.clearFilters}
              </Button>
            )}
          </Quiet>
        )}
        {unlisted > 0 && <Quiet>{t.alarms.more(unlisted)}</Quiet>}
      </Panel>
    </>
  );
}

interface CountsProps {
  readonly alarms: readonly AlarmReport[];
  readonly chosen: string | null;
  readonly onChoose: (severity: string | null) => void;
}

/** How many of each severity; each filters the list. */
function Counts({ alarms, chosen, onChoose }: CountsProps) {
  return (
    <fieldset className="alarm-counts" aria-label={t.alarms.counts}>
      {countsOf(alarms).map(({ severity, all, unseen }) => (
        <button
          key={severity}
          type="button"
          aria-pressed={chosen === severity}
          onClick={() => onChoose(chosen === severity ? null : severity)}
          data-testid="alarm-count"
          data-severity={severity}
          data-count={all}
          data-unseen={unseen}
        >
          <SeverityShape
            severity={severity}
            look={unseen > 0 ? "call" : all > 0 ? "seen" : "quiet"}
          />
          <span className={all > 0 ? "number" : "number none"}>{all}</span>
          <span>{t.alarms.severity[severity]}</span>
          <span className={unseen > 0 ? "note call" : "note"}>
            {unseen > 0 ? t.alarms.unseen(unseen) : all > 0 ? t.alarms.allSeen : ""}
          </span>
        </button>
      ))}
    </fieldset>
  );
}

interface BarProps {
  readonly alarms: readonly AlarmReport[];
  readonly groups: readonly string[];
  readonly filters: Filters;
  readonly isHidden: boolean;
  readonly onChoose: (change: Partial<Record<keyof Filters, string | null>>) => void;
}

function FilterBar({ alarms, groups, filters, isHidden, onChoose }: BarProps) {
  const devices = [...new Set([...alarms.map(({ device }) => device), filters.device])]
    .filter(Boolean)
    .sort();
  const words = t.alarms;
  return (
    <div className="filters">
      <Search
        value={filters.text}
        onChange={(text) => onChoose({ text })}
        label={words.search}
        name="alarm-search"
      />
      {isHidden && (
        <Choice
          label={words.filterSeverity}
          any={words.anySeverity}
          value={filters.severity ?? ""}
          options={SEVERITIES.map((one) => [one, words.severity[one]])}
          onChoose={(severity) => onChoose({ severity })}
          name="filter-severity"
        />
      )}
      {!isHidden && (
        <Choice
          label={words.filterState}
          any={words.anyState}
          value={filters.state ?? ""}
          options={STATE_CHOICES.map((one) => [one, words.stateChoice[one]])}
          onChoose={(state) => onChoose({ state })}
          name="filter-state"
        />
      )}
      <Choice
        label={words.filterDevice}
        any={words.anyDevice}
        value={filters.device}
        options={devices.map((one) => [one, one])}
        onChoose={(device) => onChoose({ device })}
        name="filter-device"
      />
      {groups.length > 0 && (
        <Choice
          label={words.filterGroup}
          any={words.anyGroup}
          value={filters.group}
          options={groups.toSorted().map((one) => [one, one])}
          onChoose={(group) => onChoose({ group })}
          name="filter-group"
        />
      )}
    </div>
  );
}
