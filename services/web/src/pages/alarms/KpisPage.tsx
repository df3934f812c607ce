/** Key figures of ISA-18.2 and EEMUA 191: is the list one that somebody can work with? */

import { useMemo, useState } from "react";
import { bars, type Figure, figuresOf } from "../../alarms/figures";
import { answerTimes, quantile } from "../../alarms/journal";
import { SEVERITIES } from "../../alarms/severity";
import { spanOf } from "../../alarms/spans";
import { numberText, spanText } from "../../alarms/words";
import { useAsk } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { address, type PageProps, replaceQuery } from "../../app/routes";
import { ALARM_JOURNAL, ALARM_KPIS, type AlarmKpis, type AlarmRef } from "../../contract";
import { t } from "../../texts";
import { Button, Facts, PageHead, Panel, Problem, Quiet } from "../../ui/basics";
import { momentText } from "../../ui/format";
import { AlarmTabs } from "./AlarmTabs";
import { Choice } from "./Choice";
import { SpanChoice } from "./SpanChoice";
import "./alarms.css";

const MOST_BARS = 62;
const ANSWERS_OF = 1000; // the newest transitions

export default function KpisPage({ query }: PageProps) {
  const [nowMs, setNowMs] = useState(() => Date.now());
  const span = useMemo(() => spanOf(query, nowMs), [query, nowMs]);
  const device = query.get("device") ?? "";
  const { devices } = useDevices();
  const range = { from_ms: span.fromMs, to_ms: span.toMs, device: device || null };
  const { data, problem, isStale, isAsking } = useAsk(ALARM_KPIS, range, { keeps: true });
  const names = [...new Set([...(devices ?? []).map((one) => one.device), device])];
  return (
    <>
      <PageHead title={t.alarms.kpis.title}>
        <SpanChoice
          span={span}
          isFree={false}
          onChoose={(chosen) => replaceQuery({ device, ...chosen })}
        />
        <Choice
          label={t.alarms.filterDevice}
          any={t.alarms.anyDevice}
          value={device}
          options={names.filter(Boolean).map((one) => [one, one])}
          onChoose={(one) => replaceQuery({ ...Object.fromEntries(query), device: one })}
          name="filter-device"
        />
        <Button onClick={() => setNowMs(Date.now())} isBusy={isAsking} data-testid="refresh">
          {t.alarms.journal.refresh}
        </Button>
      </PageHead>
      <AlarmTabs open="kpis" />
      {problem && <Problem>{problem}</Problem>}
      {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
      {data && (
        <div className="kpi-columns" data-testid="kpis" data-announced={data.annunciated}>
          <Targets kpis={data} isStale={isStale} />
          <OverTime kpis={data} fromMs={span.fromMs} toMs={span.toMs} isStale={isStale} />
          <Top kpis={data} isStale={isStale} />
          <Answers range={range} />
          <Listed kpis={data} isStale={isStale} />
        </div>
      )}
    </>
  );
}

interface PanelProps {
  readonly kpis: AlarmKpis;
  readonly isStale: boolean;
}

const percent = (share: number) => `${numberText(Math.round(share * 1000) / 10)} %`;

function shownValue({ name, value }: Figure): string {
  if (name === "flood" || name === "top") return percent(value);
  return name === "average" ? value.toFixed(2) : numberText(value);
}

function Targets({ kpis, isStale }: PanelProps) {
  const words = t.alarms.kpis;
  return (
    <Panel title={words.targets} isStale={isStale}>
      <table className="simple-table">
        <thead>
          <tr>
            <th scope="col">{words.heads.figure}</th>
            <th scope="col" className="right">
              {words.heads.value}
            </th>
            <th scope="col">{words.heads.target}</th>
            <th scope="col">{words.heads.verdict}</th>
          </tr>
        </thead>
        <tbody>
          {figuresOf(kpis).map((figure) => (
            <tr key={figure.name} data-testid="figure" data-figure={figure.name}>
              <th scope="row">{words.figure[figure.name]}</th>
              <td className="right">{shownValue(figure)}</td>
              <td className="quiet">{words.target[figure.name]}</td>
              <td className={`kpi-verdict ${figure.verdict}`}>{words.verdict[figure.verdict]}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Quiet>{words.perOperator}</Quiet>
    </Panel>
  );
}

function OverTime({
  kpis,
  fromMs,
  toMs,
  isStale,
}: PanelProps & { readonly fromMs: number; readonly toMs: number }) {
  const words = t.alarms.kpis;
  const found = bars(kpis.per_hour, fromMs, MOST_BARS);
  const peak = Math.max(1, ...found.map(({ count }) => count));
  return (
    <Panel title={words.perHour} isStale={isStale}>
      <div
        className="kpi-bars"
        role="img"
        aria-label={words.chart(kpis.annunciated, kpis.annunciated > 0 ? peak : 0)}
      >
        {found.map((bar) => (
          <span
            key={bar.fromMs}
            title={words.bar(bar.count, momentText(bar.fromMs, toMs), momentText(bar.toMs, toMs))}
          >
            <span style={{ height: `${(bar.count / peak) * 100}%` }} />
          </span>
        ))}
      </div>
      <div className="kpi-ends">
        <span>{momentText(fromMs, toMs)}</span>
        <span>{momentText(toMs, toMs)}</span>
      </div>
      <Facts
        facts={[
          [words.announced, kpis.annunciated],
          ...SEVERITIES.map(
            (severity) => [t.alarms.severity[severity], kpis.by_severity[severity] ?? 0] as const,
          ),
        ]}
      />
    </Panel>
  );
}

function Top({ kpis, isStale }: PanelProps) {
  const words = t.alarms.kpis;
  const most = Math.max(1, ...kpis.top.map(({ annunciated }) => annunciated));
  return (
    <Panel title={words.top} isStale={isStale}>
      {kpis.top.length === 0 && <Quiet>{words.none}</Quiet>}
      {kpis.top.length > 0 && (
        <table className="simple-table">
          <thead>
            <tr>
              <th scope="col">{words.topHeads.alarm}</th>
              <th scope="col" className="right">
                {words.topHeads.count}
              </th>
              <th scope="col">{words.topHeads.share}</th>
            </tr>
          </thead>
          <tbody>
            {kpis.top.map((one) => (
              <tr key={`${one.device}/${one.alarm}`} data-testid="frequent">
                <th scope="row">
                  <RefLink one={one} />
                </th>
                <td className="right">{one.annunciated}</td>
                <td>
                  <span className="kpi-share">
                    <span>{percent(one.share)}</span>
                    <span style={{ width: `${(one.annunciated / most) * 100}%` }} />
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function RefLink({ one }: { one: AlarmRef }) {
  const { device, alarm } = one;
  return (
    <>
      <a href={address(["alarms", "journal"], { device, alarm })}>{alarm}</a>{" "}
      <span className="quiet">{device}</span>
    </>
  );
}

interface Range {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly device: string | null;
}

function Answers({ range }: { range: Range }) {
  const words = t.alarms.kpis;
  const { data, problem, isStale } = useAsk(
    ALARM_JOURNAL,
    { ...range, limit: ANSWERS_OF },
    { keeps: true },
  );
  const times = useMemo(() => answerTimes(data?.entries ?? []), [data]);
  const [median, slow] = [quantile(times, 0.5), quantile(times, 0.9)];
  return (
    <Panel title={words.answer} isStale={isStale} name="answers">
      {problem && <Problem>{problem}</Problem>}
      {data && (median === null || slow === null) && <Quiet>{words.notAnswered}</Quiet>}
      {data && median !== null && slow !== null && (
        <>
          <Facts
            facts={[
              [words.median, spanText(median)],
              [words.slow, spanText(slow)],
            ]}
          />
          <Quiet>{words.answered(times.length, data.entries.length)}</Quiet>
        </>
      )}
    </Panel>
  );
}

function Listed({ kpis, isStale }: PanelProps) {
  const words = t.alarms.kpis;
  return (
    <Panel isStale={isStale}>
      <h2>{words.floods}</h2>
      {kpis.floods.length === 0 && <Quiet>{words.noFloods}</Quiet>}
      <ul className="kpi-list">
        {kpis.floods.map((flood) => (
          <li key={flood.from_ms}>
            {momentText(flood.from_ms, Date.now())} – {momentText(flood.to_ms, Date.now())}:{" "}
            {words.flood(flood.annunciated)}
          </li>
        ))}
      </ul>
      <Refs title={words.chattering} refs={kpis.chattering} />
      <Refs title={words.stale} refs={kpis.stale} />
    </Panel>
  );
}

function Refs({ title, refs }: { title: string; refs: readonly AlarmRef[] }) {
  return (
    <>
      <h2>{title}</h2>
      {refs.length === 0 && <Quiet>{t.alarms.kpis.none}</Quiet>}
      <ul className="kpi-list">
        {refs.map((one) => (
          <li key={`${one.device}/${one.alarm}`}>
            <RefLink one={one} />
          </li>
        ))}
      </ul>
    </>
  );
}
