/** The dashboards of the project. */

import { useDeferredValue, useState } from "react";
import { useAsk, useMay, useTell } from "../../app/asking";
import { address, go, type PageProps, replaceQuery } from "../../app/routes";
import { freshId } from "../../charts/board";
import { HOUR_MS } from "../../charts/span";
import { type DashboardSummary, LIST_DASHBOARDS, SAVE_DASHBOARD } from "../../contract";
import { t } from "../../texts";
import { Ago, Button, Field, PageHead, Panel, Problem, Quiet, Search } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { type Column, Table } from "../../ui/Table";

const MOST = 1_000;
const COLUMNS: readonly Column<DashboardSummary>[] = [
  {
    id: "title",
    title: t.charts.title,
    cell: ({ dashboard, title }) => <a href={address(["dashboards", dashboard])}>{title}</a>,
    sort: ({ title }) => title,
    width: "minmax(8rem, 2fr)",
  },
  {
    id: "description",
    title: t.charts.description,
    cell: ({ description }) => description,
    width: "minmax(8rem, 3fr)",
    onPhone: false,
  },
  {
    id: "panels",
    title: t.charts.panels,
    cell: ({ panels }) => panels,
    sort: ({ panels }) => panels,
    width: "5rem",
    align: "right",
    onPhone: false,
  },
  {
    id: "changed",
    title: t.charts.changed,
    cell: ({ changed_at_ms, changed_by }) => (
      <>
        <Ago ms={changed_at_ms} /> <span className="quiet">{t.charts.by(changed_by)}</span>
      </>
    ),
    sort: ({ changed_at_ms }) => changed_at_ms,
  },
];

export default function DashboardsPage({ query }: PageProps) {
  const search = query.get("search") ?? "";
  const asked = useDeferredValue(search);
  const { data, problem, isStale } = useAsk(
    LIST_DASHBOARDS,
    { search: asked, most: MOST },
    { keeps: true, everyMs: 30_000 },
  );
  const mayMake = useMay(SAVE_DASHBOARD);
  const [isMaking, setMaking] = useState(false);
  return (
    <>
      <PageHead title={t.places.dashboards}>
        {mayMake && (
          <Button look="primary" onClick={() => setMaking(true)} data-testid="new-dashboard">
            {t.charts.create}
          </Button>
        )}
      </PageHead>
      <Panel isStale={isStale}>
        <div className="filters">
          <Search value={search} onChange={(text) => replaceQuery({ search: text })} />
        </div>
        {problem && <Problem>{problem}</Problem>}
        {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
        {data?.dashboards.length === 0 && (
          <Quiet name="no-dashboards">
            {search ? t.charts.dashboardsNone : t.charts.dashboardsEmpty}
          </Quiet>
        )}
        {data && data.dashboards.length > 0 && (
          <Table
            label={t.places.dashboards}
            name="dashboard"
            columns={COLUMNS}
            rows={data.dashboards}
            keyOf={({ dashboard }) => dashboard}
            data={({ dashboard }) => ({ "data-dashboard": dashboard })}
            onOpen={({ dashboard }) => go(address(["dashboards", dashboard]))}
            sortedBy="title"
          />
        )}
      </Panel>
      {isMaking && (
        <MakeDialog
          taken={(data?.dashboards ?? []).map(({ dashboard }) => dashboard)}
          onClose={() => setMaking(false)}
        />
      )}
    </>
  );
}

function MakeDialog({ taken, onClose }: { taken: readonly string[]; onClose: () => void }) {
  const make = useTell(SAVE_DASHBOARD, LIST_DASHBOARDS);
  const [title, setTitle] = useState("");
  const [description, setDescription] = useState("");
  async function send() {
    const made = await make.tell({
      dashboard: freshId(taken, title),
      title: title.trim(),
      description: description.trim(),
      span_ms: HOUR_MS,
      if_revision: 0,
    });
    if (made) go(address(["dashboards", made.dashboard], { edit: 1 }));
  }
  return (
    <FormDialog
      title={t.charts.create}
      name="make-dashboard"
      submit={t.charts.make}
      isBusy={make.busy !== null}
      isReady={title.trim() !== ""}
      problem={make.problem}
      onSubmit={() => void send()}
      onClose={onClose}
    >
      <Field label={t.charts.title}>
        <input
          value={title}
          maxLength={200}
          onChange={({ target }) => setTitle(target.value)}
          data-testid="dashboard-title"
        />
      </Field>
      <Field label={t.charts.description}>
        <textarea
          value={description}
          maxLength={4000}
          onChange={({ target }) => setDescription(target.value)}
        />
      </Field>
    </FormDialog>
  );
}
