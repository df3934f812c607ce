/** Puts a chart on a dashboard: one there is, or a new one. */

import { useState } from "react";
import { useAsk, useRefresh, useScope } from "../../app/asking";
import { useCommand } from "../../app/command";
import { address } from "../../app/routes";
import { added, draftOf, freshId } from "../../charts/board";
import type { Pick } from "../../charts/picks";
import { GET_DASHBOARD, LIST_DASHBOARDS, SAVE_DASHBOARD } from "../../contract";
import { t } from "../../texts";
import { Field } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { LinkLost } from "../../wamp/errors";

interface Props {
  readonly picks: readonly Pick[];
  readonly spanMs: number;
  readonly onClose: () => void;
  readonly onPut: (href: string, title: string) => void;
}

const MOST = 1_000;

export function PutDialog({ picks, spanMs, onClose, onPut }: Props) {
  const { link } = useScope();
  const refresh = useRefresh();
  const { data } = useAsk(LIST_DASHBOARDS, { most: MOST });
  const [to, setTo] = useState("");
  const [title, setTitle] = useState("");
  const command = useCommand();

  async function put() {
    let done: { readonly dashboard: string; readonly title: string } | null = null;
    await command.perform("put", async () => {
      if (!link) throw new LinkLost(t.charts.notLive);
      const series = picks.map(({ device, tag }) => ({ device, tag, labels: null }));
      const taken = (data?.dashboards ?? []).map(({ dashboard }) => dashboard);
      const known = to ? await link.call(GET_DASHBOARD, { dashboard: to }) : null;
      const before = known
        ? draftOf(known)
        : { title: title.trim(), description: "", span_ms: spanMs, panels: [] };
      done = await link.call(SAVE_DASHBOARD, {
        dashboard: known?.dashboard ?? freshId(taken, title),
        ...added(before, "chart", series),
        if_revision: known?.revision ?? 0,
      });
    });
    refresh(LIST_DASHBOARDS, GET_DASHBOARD);
    const saved = done as { readonly dashboard: string; readonly title: string } | null;
    if (saved) onPut(address(["dashboards", saved.dashboard]), saved.title);
  }

  return (
    <FormDialog
      title={t.charts.toDashboard}
      name="put-dialog"
      submit={t.charts.put}
      isBusy={command.busy !== null}
      isReady={to !== "" || title.trim() !== ""}
      problem={command.problem}
      onSubmit={() => void put()}
      onClose={onClose}
    >
      <Field label={t.charts.toWhich}>
        <select value={to} onChange={({ target }) => setTo(target.value)} data-testid="put-to">
          <option value="">{t.charts.newDashboard}</option>
          {data?.dashboards.map((one) => (
            <option key={one.dashboard} value={one.dashboard}>
              {one.title}
            </option>
          ))}
        </select>
      </Field>
      {to === "" && (
        <Field label={t.charts.title}>
          <input
            value={title}
            maxLength={200}
            onChange={({ target }) => setTitle(target.value)}
            data-testid="put-title"
          />
        </Field>
      )}
    </FormDialog>
  );
}
