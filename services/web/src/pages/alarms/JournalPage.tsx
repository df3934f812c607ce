/** What became of alarms: every transition, the newest first, page by page. */

import { useMemo, useState } from "react";
import { HAPPENINGS, type Happening, wanted } from "../../alarms/journal";
import { SEVERITIES, severityOf } from "../../alarms/severity";
import { spanOf } from "../../alarms/spans";
import { causeText, numberText, stateText } from "../../alarms/words";
import { useLink } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { allPages, usePages } from "../../app/paging";
import { address, type PageProps, replaceQuery } from "../../app/routes";
import { ALARM_JOURNAL, type AlarmEntry, type AlarmJournal } from "../../contract";
import { t } from "../../texts";
import { Button, Moment, PageHead, Panel, Problem, Quiet } from "../../ui/basics";
import { csv, keepFile } from "../../ui/csv";
import { type Column, Table } from "../../ui/Table";
import { useToast } from "../../ui/toasts";
import { sentenceOf } from "../../wamp/errors";
import { AlarmTabs } from "./AlarmTabs";
import { Choice } from "./Choice";
import { SeverityMark } from "./marks";
import { SpanChoice } from "./SpanChoice";
import "./alarms.css";

const PER_PAGE = 200;
const PER_EXPORT = 1000;
const MOST_EXPORTED = 50; // pages
const KINDS = Object.keys(HAPPENINGS) as readonly Happening[];
const before = ({ more }: AlarmJournal) => more;

export default function JournalPage({ query }: PageProps) {
  const words = t.alarms.journal;
  const [nowMs, setNowMs] = useState(() => Date.now());
  const span = useMemo(() => spanOf(query, nowMs), [query, nowMs]);
  const device = query.get("device") ?? "";
  const alarm = query.get("alarm") ?? "";
  const severity = SEVERITIES.find((one) => one === query.get("severity")) ?? null;
  const happening = KINDS.find((one) => one === query.get("what")) ?? null;
  const request = {
    from_ms: span.fromMs,
    to_ms: span.toMs,
    device: device || null,
    alarm: alarm || null,
    limit: PER_PAGE,
  };
  const { pages, hasMore, more, isAsking, problem, isStale } = usePages(
    ALARM_JOURNAL,
    request,
    before,
  );
  const { devices } = useDevices();
  const asked = useMemo(() => (pages ?? []).flatMap(({ entries }) => entries), [pages]);
  const shown = useMemo(() => wanted(asked, { severity, happening }), [asked, severity, happening]);
  function choose(change: Readonly<Record<string, string | number>>) {
    const kept = { ...Object.fromEntries(query), ...change };
    if ("span" in change) replaceQuery({ ...kept, from: null, to: null });
    else if ("from" in change) replaceQuery({ ...kept, span: null });
    else replaceQuery(kept);
  }
  return (
    <>
      <PageHead title={words.title}>
        <Button onClick={() => setNowMs(Date.now())} isBusy={isAsking} data-testid="refresh">
          {words.refresh}
        </Button>
        <Export request={request} severity={severity} happening={happening} />
      </PageHead>
      <AlarmTabs open="journal" />
      <Panel isStale={isStale} name="journal">
        <div className="filters">
          <SpanChoice key={span.lengthMs} span={span} onChoose={choose} />
          <Choice
            label={t.alarms.filterDevice}
            any={t.alarms.anyDevice}
            value={device}
            options={namesOf(devices?.map((one) => one.device) ?? [], device)}
            onChoose={(one) => choose({ device: one })}
            name="filter-device"
          />
          <Choice
            label={t.alarms.filterSeverity}
            any={t.alarms.anySeverity}
            value={severity ?? ""}
            options={SEVERITIES.map((one) => [one, t.alarms.severity[one]])}
            onChoose={(one) => choose({ severity: one })}
            name="filter-severity"
          />
          <Choice
            label={words.happened}
            any={words.anything}
            value={happening ?? ""}
            options={KINDS.map((one) => [one, t.alarms.happening[one]])}
            onChoose={(what) => choose({ what })}
            name="filter-what"
          />
          {alarm && (
            <Button onClick={() => choose({ alarm: "" })} data-testid="only-alarm">
              {words.alarm(alarm)} ×
            </Button>
          )}
        </div>
        {problem && <Problem>{problem}</Problem>}
        {pages === null && !problem && <Quiet>{t.ui.loading}</Quiet>}
        {pages !== null && shown.length === 0 && (
          <Quiet name="journal-empty">{asked.length > 0 ? words.noneOfFilter : words.none}</Quiet>
        )}
        {shown.length > 0 && (
          <Table
            label={words.title}
            name="entry"
            columns={COLUMNS}
            rows={shown}
            keyOf={({ id }) => String(id)}
            data={({ device: of, transition }) => ({
              "data-device": of,
              "data-alarm": transition.alarm,
              "data-cause": transition.cause,
            })}
          />
        )}
        {pages !== null && (
          <div className="buttons">
            {hasMore && (
              <Button onClick={more} isBusy={isAsking} data-testid="older">
                {words.older}
              </Button>
            )}
            {asked.length > 0 && (
              <span className="quiet">{words.shown(shown.length, asked.length, hasMore)}</span>
            )}
          </div>
        )}
      </Panel>
    </>
  );
}

/** Choices of names, with the one that is chosen even if nobody knows it. */
const namesOf = (names: readonly string[], chosen: string) =>
  [...new Set([...names, chosen])]
    .filter(Boolean)
    .sort()
    .map((one) => [one, one] as const);

const HEADS = t.alarms.journal.heads;

const COLUMNS: readonly Column<AlarmEntry>[] = [
  {
    id: "at",
    title: HEADS.at,
    width: "var(--alarm-when)",
    cell: ({ transition }) => <Moment ms={transition.at_us / 1000} />,
  },
  {
    id: "severity",
    title: t.alarms.heads.severity,
    width: "6.2rem",
    onPhone: false,
    cell: ({ transition }) => <SeverityMark severity={transition.severity} state="normal" />,
  },
  {
    id: "alarm",
    title: t.alarms.heads.alarm,
    width: "minmax(0, 1.4fr)",
    cell: ({ device, transition }) => (
      <span className="alarm-name">
        <a href={address(["alarms"], { alarm: `${device}/${transition.alarm}` })}>
          {transition.alarm}
        </a>{" "}
        <span className="quiet">{device}</span>
      </span>
    ),
  },
  {
    id: "what",
    title: HEADS.what,
    width: "minmax(0, 1.2fr)",
    cell: ({ transition }) => (
      <>
        {causeText(transition.cause)}{" "}
        {transition.first && <span className="alarm-flag">{t.alarms.firstUp}</span>}
      </>
    ),
  },
  {
    id: "value",
    title: t.alarms.heads.value,
    align: "right",
    onPhone: false,
    width: "5rem",
    cell: ({ transition }) => numberText(transition.value),
  },
  {
    id: "became",
    title: HEADS.became,
    onPhone: false,
    width: "minmax(6rem, 1.2fr)",
    cell: ({ transition }) => stateText(transition.after),
  },
  {
    id: "who",
    title: HEADS.who,
    onPhone: false,
    width: "minmax(4rem, 0.7fr)",
    cell: ({ transition }) => transition.who,
  },
  {
    id: "comment",
    title: HEADS.comment,
    onPhone: false,
    width: "minmax(5rem, 1.4fr)",
    cell: ({ transition }) => transition.comment,
  },
];

interface ExportProps {
  readonly request: {
    readonly from_ms: number;
    readonly to_ms: number;
    readonly device: string | null;
    readonly alarm: string | null;
  };
  readonly severity: (typeof SEVERITIES)[number] | null;
  readonly happening: Happening | null;
}

/** All of the span that fits the filters, as a file. */
function Export({ request, severity, happening }: ExportProps) {
  const link = useLink();
  const note = useToast();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  async function run() {
    if (!link) return;
    setBusy(true);
    setProblem(null);
    try {
      const all = { ...request, limit: PER_EXPORT };
      const { pages, isCut } = await allPages(link, ALARM_JOURNAL, all, before, MOST_EXPORTED);
      const entries = pages.flatMap((page) => page.entries);
      const found = wanted(entries, { severity, happening });
      keepFile(t.alarms.journal.file, csv(CSV_HEADS, found.map(csvRow)));
      note(isCut ? t.alarms.journal.cut(entries.length) : t.alarms.journal.exported(found.length));
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  }
  return (
    <>
      <Button onClick={() => void run()} isBusy={isBusy} disabled={!link} data-testid="export">
        {t.alarms.journal.export}
      </Button>
      {problem && <Problem>{problem}</Problem>}
    </>
  );
}

/** The contract's words, for programs. */
const CSV_HEADS = [
  "at",
  "device",
  "alarm",
  "tag",
  "severity",
  "cause",
  "before",
  "after",
  "value",
  "who",
  "comment",
  "first",
];

const csvRow = ({ device, transition: one }: AlarmEntry) => [
  new Date(one.at_us / 1000).toISOString(),
  device,
  one.alarm,
  one.tag,
  severityOf(one.severity),
  one.cause,
  one.before,
  one.after,
  one.value,
  one.who,
  one.comment,
  one.first,
];
