/** The audit trail: who did what, who was refused, and whether it still holds together. */

import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useLink, useMay } from "../../app/asking";
import { beforeAt } from "../../app/instants";
import { allPages, usePages } from "../../app/paging";
import { type PageProps, replaceQuery } from "../../app/routes";
import {
  type AuditEntry,
  type AuditPage as Page,
  READ_AUDIT,
  type ReadAudit,
  VERIFY_AUDIT,
} from "../../contract";
import { t } from "../../texts";
import { Button, Facts, Moment, PageHead, Panel, Problem, Quiet, Status } from "../../ui/basics";
import { csv, keepFile } from "../../ui/csv";
import { Dialog } from "../../ui/Dialog";
import { type Column, Table } from "../../ui/Table";
import { useToast } from "../../ui/toasts";
import { sentenceOf } from "../../wamp/errors";
import { Edge } from "../alarms/SpanChoice";
import { VerifyDialog } from "./VerifyDialog";
import "./people.css";

const PER_PAGE = 100;
const PER_EXPORT = 500;
const MOST_EXPORTED = 100; // pages
const before = ({ more, entries }: Page) => (more ? (entries.at(-1)?.number ?? null) : null);

interface Filters {
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly outcome: string;
  readonly from: string; // ms, "" for none
  readonly to: string;
}

const filtersOf = (query: URLSearchParams): Filters => ({
  actor: query.get("actor") ?? "",
  action: query.get("action") ?? "",
  subject: query.get("subject") ?? "",
  outcome: query.get("outcome") ?? "",
  from: query.get("from") ?? "",
  to: query.get("to") ?? "",
});

export default function AuditPage({ query }: PageProps) {
  const may = useMay(READ_AUDIT);
  const mayVerify = useMay(VERIFY_AUDIT);
  const [isVerifying, setVerifying] = useState(false);
  const filters = useMemo(() => filtersOf(query), [query]);
  const request = useRequest(filters);
  return (
    <>
      <PageHead title={t.people.audit.title}>
        {mayVerify && (
          <Button onClick={() => setVerifying(true)} data-testid="verify">
            {t.people.audit.verify}
          </Button>
        )}
        {may && <Export request={request} fromMs={Number(filters.from)} />}
      </PageHead>
      {may ? (
        <Trail filters={filters} request={request} />
      ) : (
        <Quiet name="operators-only">{t.people.audit.operatorsOnly}</Quiet>
      )}
      {isVerifying && <VerifyDialog onClose={() => setVerifying(false)} />}
    </>
  );
}

/** What to ask for; null while it is looked up where the wanted time is in the trail. */
function useRequest({ actor, action, subject, outcome, to }: Filters): ReadAudit | null {
  const link = useLink();
  const { data } = useQuery({
    queryKey: [READ_AUDIT.uri, "at", to],
    queryFn: () => {
      if (!link) return null;
      return beforeAt(Number(to), async (number) => {
        const { entries } = await link.call(READ_AUDIT, { before: number, most: 1 });
        return entries[0] ?? null;
      });
    },
    enabled: link !== null && to !== "",
    staleTime: Number.POSITIVE_INFINITY, // what has been stays where it is
  });
  if (to !== "" && data === undefined) return null;
  return {
    actor: actor || null,
    action: action || null,
    subject: subject || null,
    outcome: outcome === "done" || outcome === "refused" ? outcome : null,
    most: PER_PAGE,
    ...(to !== "" && data ? { before: data } : {}),
  };
}

const since = (entries: readonly AuditEntry[], fromMs: number) =>
  fromMs > 0 ? entries.filter(({ at_ms }) => at_ms >= fromMs) : entries;

function Trail({ filters, request }: { filters: Filters; request: ReadAudit | null }) {
  const words = t.people.audit;
  const [opened, setOpened] = useState<AuditEntry | null>(null);
  const fromMs = Number(filters.from);
  const { pages, hasMore, more, isAsking, problem, isStale } = usePages(
    READ_AUDIT,
    request ?? {},
    before,
    request !== null,
  );
  const asked = useMemo(() => (pages ?? []).flatMap(({ entries }) => entries), [pages]);
  const shown = since(asked, fromMs);
  const goesOn = hasMore && shown.length === asked.length; // else what follows is older still
  return (
    <Panel isStale={isStale} name="audit">
      <FilterBar key={JSON.stringify(filters)} filters={filters} />
      {problem && <Problem>{problem}</Problem>}
      {pages === null && !problem && <Quiet>{t.ui.loading}</Quiet>}
      {pages !== null && shown.length === 0 && <Quiet>{words.none}</Quiet>}
      {shown.length > 0 && (
        <Table
          label={words.title}
          name="audit"
          columns={columnsOf(setOpened)}
          rows={shown}
          keyOf={({ number }) => String(number)}
          data={({ actor, action, subject, outcome }) => ({
            "data-actor": actor,
            "data-action": action,
            "data-subject": subject,
            "data-outcome": outcome,
          })}
          onOpen={setOpened}
        />
      )}
      {goesOn && (
        <div className="buttons">
          <Button onClick={more} isBusy={isAsking} data-testid="older">
            {words.older}
          </Button>
        </div>
      )}
      {opened && <EntryDialog entry={opened} onClose={() => setOpened(null)} />}
    </Panel>
  );
}

/** Fields that take effect when one leaves them, or presses Enter. */
function FilterBar({ filters }: { filters: Filters }) {
  const words = t.people.audit;
  const put = (change: Partial<Filters>) => replaceQuery({ ...filters, ...change });
  const text = (name: "actor" | "action" | "subject") => (
    <input
      aria-label={words[name]}
      placeholder={words[name]}
      defaultValue={filters[name]}
      autoCapitalize="none"
      spellCheck={false}
      onBlur={({ target }) => {
        if (target.value.trim() !== filters[name]) put({ [name]: target.value.trim() });
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") put({ [name]: event.currentTarget.value.trim() });
      }}
      data-testid={`audit-${name}`}
    />
  );
  const time = (name: "from" | "to") => (
    <Edge
      label={words[name]}
      ms={filters[name] ? Number(filters[name]) : null}
      onMove={(chosen) => {
        const at = new Date(chosen).getTime();
        put({ [name]: Number.isNaN(at) ? "" : String(at) });
      }}
      name={`audit-${name}`}
    />
  );
  const isFiltered = Object.values(filters).some(Boolean);
  return (
    <div className="filters">
      {text("actor")}
      {text("action")}
      {text("subject")}
      <select
        aria-label={words.outcome}
        value={filters.outcome}
        onChange={({ target }) => put({ outcome: target.value })}
        data-testid="audit-outcome"
      >
        <option value="">{words.anyOutcome}</option>
        <option value="done">{words.outcomes.done}</option>
        <option value="refused">{words.outcomes.refused}</option>
      </select>
      {time("from")}
      {time("to")}
      {isFiltered && <Button onClick={() => replaceQuery({})}>{words.clear}</Button>}
    </div>
  );
}

const valueText = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

const detailsText = ({ details }: AuditEntry) =>
  Object.entries(details)
    .map(([name, value]) => `${name}: ${valueText(value)}`)
    .join(", ");

function columnsOf(onOpen: (entry: AuditEntry) => void): readonly Column<AuditEntry>[] {
  const { heads, ...words } = t.people.audit;
  return [
    {
      id: "number",
      title: heads.number,
      width: "3.5rem",
      align: "right",
      onPhone: false,
      cell: ({ number }) => number,
    },
    {
      id: "at",
      title: heads.at,
      width: "var(--people-when)",
      cell: ({ at_ms }) => <Moment ms={at_ms} />,
    },
    {
      id: "who",
      title: heads.who,
      width: "minmax(0, 1fr)",
      cell: ({ actor, role }) => (
        <>
          {actor || words.unknown} <span className="quiet">{role}</span>
        </>
      ),
    },
    {
      id: "action",
      title: heads.action,
      width: "minmax(0, 1.2fr)",
      cell: (entry) => (
        <span className="audit-action">
          <button
            type="button"
            className="plain"
            aria-label={`${entry.action}: ${words.detailsOf(entry.number)}`}
            onClick={() => onOpen(entry)}
            data-testid="audit-open"
          >
            {entry.action}
          </button>
          {entry.outcome === "refused" && (
            <span className="on-phone">
              <Status tone="act">{words.outcomes.refused}</Status>
            </span>
          )}
        </span>
      ),
    },
    {
      id: "subject",
      title: heads.subject,
      width: "minmax(0, 1fr)",
      onPhone: false,
      cell: ({ subject }) => subject,
    },
    {
      id: "outcome",
      title: heads.outcome,
      width: "5.5rem",
      onPhone: false,
      cell: ({ outcome }) =>
        outcome === "refused" ? (
          <Status tone="act">{words.outcomes.refused}</Status>
        ) : (
          <span className="quiet">{words.outcomes.done}</span>
        ),
    },
    {
      id: "details",
      title: heads.details,
      width: "minmax(0, 2fr)",
      onPhone: false,
      cell: (entry) => (
        <span className="audit-details" title={detailsText(entry)}>
          {detailsText(entry)}
        </span>
      ),
    },
  ];
}

function EntryDialog({ entry, onClose }: { entry: AuditEntry; onClose: () => void }) {
  const words = t.people.audit;
  const { heads } = words;
  return (
    <Dialog title={words.entry(entry.number)} name="audit-dialog" isWide onClose={onClose}>
      <Facts
        facts={[
          [heads.at, new Date(entry.at_ms).toISOString()],
          [heads.who, entry.actor || words.unknown],
          [words.role, entry.role || "–"],
          [heads.action, entry.action],
          [heads.subject, entry.subject || "–"],
          [heads.outcome, words.outcomes[entry.outcome]],
          ...Object.entries(entry.details).map(
            ([name, value]) => [name, valueText(value)] as const,
          ),
          [words.request, <code key="request">{entry.request_id || "–"}</code>],
          [words.hash, <code key="hash">{entry.hash}</code>],
          [words.previous, <code key="previous">{entry.previous || "–"}</code>],
        ]}
      />
      <div className="buttons">
        <Button onClick={onClose}>{t.ui.close}</Button>
      </div>
    </Dialog>
  );
}

const CSV_HEADS = [
  "number",
  "at",
  "actor",
  "role",
  "action",
  "subject",
  "outcome",
  "details",
  "request_id",
  "previous",
  "hash",
];

const csvRow = (one: AuditEntry) => [
  one.number,
  new Date(one.at_ms).toISOString(),
  one.actor,
  one.role,
  one.action,
  one.subject,
  one.outcome,
  JSON.stringify(one.details),
  one.request_id,
  one.previous,
  one.hash,
];

function Export({ request, fromMs }: { request: ReadAudit | null; fromMs: number }) {
  const words = t.people.audit;
  const link = useLink();
  const note = useToast();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const beforeSince = (page: Page) => {
    const isOver = fromMs > 0 && (page.entries.at(-1)?.at_ms ?? 0) < fromMs;
    return isOver ? null : before(page);
  };
  async function run() {
    if (!link || !request) return;
    setBusy(true);
    setProblem(null);
    try {
      const all = { ...request, most: PER_EXPORT };
      const { pages, isCut } = await allPages(link, READ_AUDIT, all, beforeSince, MOST_EXPORTED);
      const found = since(
        pages.flatMap(({ entries }) => entries),
        fromMs,
      );
      keepFile(words.file, csv(CSV_HEADS, found.map(csvRow)));
      note(isCut ? words.cut(found.length) : words.exported(found.length));
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  }
  return (
    <>
      <Button
        onClick={() => void run()}
        isBusy={isBusy}
        disabled={!link || !request}
        data-testid="export"
      >
        {words.export}
      </Button>
      {problem && <Problem>{problem}</Problem>}
    </>
  );
}
