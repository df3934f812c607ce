/** One dashboard: looked at, live; or composed by whoever may. */

import "./charts.css";
import { useEffect, useMemo, useRef, useState } from "react";
import { useAsk, useMay, useRefresh, useScope, useTell } from "../../app/asking";
import { address, go, type PageProps, replaceQuery } from "../../app/routes";
import {
  added,
  changed,
  type Draft,
  draftOf,
  isChanged,
  MOST_PANELS,
  removed,
} from "../../charts/board";
import { queryOf, SPANS_MS, type Span, spanOf } from "../../charts/span";
import { spanText } from "../../charts/words";
import {
  type Dashboard,
  DELETE_DASHBOARD,
  ERRORS,
  GET_DASHBOARD,
  LIST_DASHBOARDS,
  PanelKind,
  SAVE_DASHBOARD,
} from "../../contract";
import { t } from "../../texts";
import { Ago, Button, Field, PageHead, Problem, Quiet } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { agoText } from "../../ui/format";
import { useToast } from "../../ui/toasts";
import { FleetError } from "../../wamp/errors";
import { Board } from "./Board";
import { PanelDialog } from "./PanelDialog";
import { SpanBar } from "./SpanBar";

const EVERY_MS = 30_000;
const PLACE = { name: t.places.dashboards, href: address(["dashboards"]) };

export default function DashboardPage({ ids, query }: PageProps) {
  const dashboard = ids.dashboard ?? "";
  const { data, problem } = useAsk(GET_DASHBOARD, { dashboard }, { everyMs: EVERY_MS });
  const mayEdit = useMay(SAVE_DASHBOARD);
  if (!data) {
    return (
      <>
        <PageHead title={dashboard} place={PLACE} />
        {problem ? (
          <Problem name="dashboard-problem">{problem}</Problem>
        ) : (
          <Quiet>{t.ui.loading}</Quiet>
        )}
      </>
    );
  }
  const isEditing = mayEdit && query.get("edit") === "1";
  return isEditing ? (
    <Editor saved={data} query={query} />
  ) : (
    <Viewer saved={data} query={query} mayEdit={mayEdit} />
  );
}

/** The span of the address, else the dashboard's. */
function useSpan(query: URLSearchParams, spanMs: number): Span {
  const asked = query.toString();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the query by its text
  return useMemo(() => spanOf(query, spanMs), [asked, spanMs]);
}

interface ViewerProps {
  readonly saved: Dashboard;
  readonly query: URLSearchParams;
  readonly mayEdit: boolean;
}

function Viewer({ saved, query, mayEdit }: ViewerProps) {
  const { session, link } = useScope();
  const span = useSpan(query, saved.span_ms);
  const isWall = query.get("wall") === "1";
  const [isDeleting, setDeleting] = useState(false);
  const parts = ["dashboards", saved.dashboard];
  const shown = useMemo(() => draftOf(saved), [saved]);
  const setSpan = useMemo(
    () => (next: Span) =>
      go(
        address(["dashboards", saved.dashboard], {
          ...queryOf(next),
          wall: isWall ? 1 : null,
        }),
      ),
    [saved.dashboard, isWall],
  );
  function setWall(next: boolean) {
    if (next) document.documentElement.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement) void document.exitFullscreen();
    const { kind } = span;
    const stays = kind === "live" && span.ms === saved.span_ms ? {} : queryOf(span);
    replaceQuery({ ...stays, wall: next ? 1 : null });
  }
  return (
    <div
      className={isWall ? "board-wall" : "board-page"}
      data-testid="dashboard"
      data-dashboard={saved.dashboard}
      data-revision={saved.revision}
      data-stale={link === null}
      data-wall={isWall}
    >
      {isWall && <Wall onLeave={() => setWall(false)} />}
      <PageHead
        title={saved.title}
        place={isWall ? undefined : PLACE}
        note={
          isWall ? null : (
            <>
              {t.charts.changed} <Ago ms={saved.changed_at_ms} /> {t.charts.by(saved.changed_by)}
            </>
          )
        }
      >
        {isWall && link === null && <span className="mark off">{t.charts.notLive}</span>}
        <SpanBar span={span} onSpan={setSpan} />
        <Button onClick={() => setWall(!isWall)} data-testid="wall">
          {isWall ? t.charts.leaveWall : t.charts.wall}
        </Button>
        {mayEdit && !isWall && (
          <Button onClick={() => go(address(parts, { edit: 1 }))} data-testid="edit">
            {t.charts.edit}
          </Button>
        )}
        {mayEdit && !isWall && (session.role === "owner" || session.user === saved.created_by) && (
          <Button onClick={() => setDeleting(true)} data-testid="delete">
            {t.charts.delete}
          </Button>
        )}
      </PageHead>
      {saved.description && !isWall && <p className="board-description">{saved.description}</p>}
      {saved.panels.length === 0 && (
        <Quiet name="no-panels">
          {t.charts.empty} {mayEdit && t.charts.emptyView}
        </Quiet>
      )}
      <Board
        draft={shown}
        span={span}
        onSpan={setSpan}
        onDraft={null}
        onEdit={() => {}}
        onRemove={() => {}}
      />
      {isDeleting && <DeleteDialog saved={saved} onClose={() => setDeleting(false)} />}
    </div>
  );
}

/** While the dashboard covers all else, nothing else is reached; Escape ends it. */
function Wall({ onLeave }: { readonly onLeave: () => void }) {
  const newest = useRef(onLeave);
  newest.current = onLeave;
  useEffect(() => {
    const covered = [...document.querySelectorAll<HTMLElement>(".skip, .top-bar, #places")];
    for (const element of covered) element.inert = true;
    const hear = ({ key }: KeyboardEvent) => {
      if (key === "Escape") newest.current();
    };
    const leave = () => {
      if (!document.fullscreenElement) newest.current(); // the browser has taken the key
    };
    window.addEventListener("keydown", hear);
    document.addEventListener("fullscreenchange", leave);
    return () => {
      for (const element of covered) element.inert = false;
      window.removeEventListener("keydown", hear);
      document.removeEventListener("fullscreenchange", leave);
    };
  }, []);
  return null;
}

function DeleteDialog({ saved, onClose }: { saved: Dashboard; onClose: () => void }) {
  const command = useTell(DELETE_DASHBOARD, LIST_DASHBOARDS);
  const note = useToast();
  async function send() {
    const { dashboard, revision } = saved;
    if (!(await command.tell({ dashboard, if_revision: revision }))) return;
    note(t.charts.deleted(saved.title));
    go(address(["dashboards"]));
  }
  return (
    <FormDialog
      title={t.charts.deleteTitle(saved.title)}
      name="delete-dashboard"
      submit={t.charts.reallyDelete}
      isDanger
      isBusy={command.busy !== null}
      problem={command.problem}
      onSubmit={() => void send()}
      onClose={onClose}
    >
      <p>{t.charts.deleteWhat}</p>
    </FormDialog>
  );
}

interface EditorProps {
  readonly saved: Dashboard; // as it is now; somebody may have changed it since
  readonly query: URLSearchParams;
}

function Editor({ saved, query }: EditorProps) {
  const [base, setBase] = useState(saved); // what the draft began with
  const [draft, setDraft] = useState<Draft>(() => draftOf(saved));
  const [opened, setOpened] = useState<string | null>(null); // a panel
  const [isLeaving, setLeaving] = useState(false);
  const save = useTell(SAVE_DASHBOARD, LIST_DASHBOARDS);
  const refresh = useRefresh();
  const note = useToast();
  const span = useSpan(query, draft.span_ms);
  const isDirty = isChanged(draft, base);
  useWarning(isDirty);
  const conflict =
    save.error instanceof FleetError && save.error.uri === ERRORS.DashboardChanged
      ? save.error
      : null;
  const panel = draft.panels.find((one) => one.panel === opened);
  const leave = () => go(address(["dashboards", base.dashboard]));

  async function send(revision: number) {
    const { dashboard } = base;
    const told = { ...draft, title: draft.title.trim() };
    const done = await save.tell({ dashboard, ...told, if_revision: revision });
    if (!done) return;
    refresh(GET_DASHBOARD);
    setBase(done);
    note(t.charts.saved);
    leave();
  }
  function takeTheirs() {
    save.forget();
    refresh(GET_DASHBOARD);
    leave();
  }
  return (
    <div
      className="board-page"
      data-testid="dashboard"
      data-dashboard={base.dashboard}
      data-dirty={isDirty}
    >
      <PageHead
        title={draft.title || base.dashboard}
        place={PLACE}
        note={isDirty ? t.charts.unsaved : null}
      >
        <Button
          look="primary"
          isBusy={save.busy !== null}
          disabled={draft.title.trim() === ""}
          onClick={() => (isDirty ? void send(base.revision) : leave())}
          data-testid="save"
        >
          {t.charts.save}
        </Button>
        <Button onClick={() => (isDirty ? setLeaving(true) : leave())} data-testid="discard">
          {t.charts.discard}
        </Button>
      </PageHead>
      {conflict && (
        <Problem name="conflict">
          <p>
            {t.charts.conflict(
              String(conflict.details.changed_by ?? ""),
              agoText(Number(conflict.details.changed_at_ms ?? 0), Date.now()),
            )}
          </p>
          <div className="buttons">
            <Button onClick={takeTheirs} data-testid="take-theirs">
              {t.charts.takeTheirs}
            </Button>
            <Button
              look="danger"
              onClick={() => void send(Number(conflict.details.revision))}
              data-testid="overwrite"
            >
              {t.charts.overwrite}
            </Button>
          </div>
        </Problem>
      )}
      {save.problem && !conflict && <Problem>{save.problem}</Problem>}
      <Settings draft={draft} onDraft={setDraft} />
      <div className="buttons">
        <span className="quiet">{t.charts.addPanel}</span>
        {Object.values(PanelKind).map((kind) => (
          <Button
            key={kind}
            disabled={draft.panels.length >= MOST_PANELS}
            onClick={() => {
              const next = added(draft, kind);
              const before = new Set(draft.panels.map((one) => one.panel));
              setDraft(next);
              setOpened(next.panels.find((one) => !before.has(one.panel))?.panel ?? null);
            }}
            data-testid={`add-${kind}`}
          >
            {t.charts.kinds[kind]}
          </Button>
        ))}
      </div>
      {draft.panels.length === 0 && (
        <Quiet name="no-panels">
          {t.charts.empty} {t.charts.emptyEdit}
        </Quiet>
      )}
      <Board
        draft={draft}
        span={span}
        onSpan={ignored}
        onDraft={setDraft}
        onEdit={setOpened}
        onRemove={(id) => setDraft(removed(draft, id))}
      />
      {panel && (
        <PanelDialog
          key={panel.panel}
          panel={panel}
          onChange={(change) => setDraft(changed(draft, panel.panel, change))}
          onClose={() => setOpened(null)}
        />
      )}
      {isLeaving && (
        <FormDialog
          title={t.charts.discardTitle}
          name="discard-dialog"
          submit={t.charts.reallyDiscard}
          isDanger
          onSubmit={leave}
          onClose={() => setLeaving(false)}
        >
          <p>{t.charts.discardWhat}</p>
        </FormDialog>
      )}
    </div>
  );
}

const ignored = () => {};

/** The browser asks before a tab with unsaved work is closed. */
function useWarning(isDirty: boolean): void {
  useEffect(() => {
    if (!isDirty) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [isDirty]);
}

function Settings({ draft, onDraft }: { draft: Draft; onDraft: (draft: Draft) => void }) {
  const isOdd = !SPANS_MS.some((ms) => ms === draft.span_ms);
  return (
    <div className="charts-settings">
      <Field label={t.charts.title}>
        <input
          value={draft.title}
          maxLength={200}
          onChange={({ target }) => onDraft({ ...draft, title: target.value })}
          data-testid="title"
        />
      </Field>
      <Field label={t.charts.description}>
        <input
          value={draft.description}
          maxLength={4000}
          onChange={({ target }) => onDraft({ ...draft, description: target.value })}
        />
      </Field>
      <Field label={t.charts.span}>
        <select
          value={draft.span_ms}
          onChange={({ target }) => onDraft({ ...draft, span_ms: Number(target.value) })}
          data-testid="dashboard-span"
        >
          {isOdd && <option value={draft.span_ms}>{spanText(draft.span_ms)}</option>}
          {SPANS_MS.map((ms) => (
            <option key={ms} value={ms}>
              {spanText(ms)}
            </option>
          ))}
        </select>
      </Field>
    </div>
  );
}
