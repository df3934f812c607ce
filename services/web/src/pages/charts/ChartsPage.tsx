/** Tags of any devices over time; what is shown stands in the address, to be passed on. */

import "./charts.css";
import { useMemo, useRef, useState } from "react";
import { useMay } from "../../app/asking";
import { address, go, type PageProps, replaceQuery } from "../../app/routes";
import { isSame, keyOf, namesOf, type Pick, picksOf, textOf } from "../../charts/picks";
import { HOUR_MS, lengthOf, queryOf, type Span, spanOf } from "../../charts/span";
import { SAVE_DASHBOARD } from "../../contract";
import { type ChartHandle, SeriesChart } from "../../telemetry/SeriesChart";
import { t } from "../../texts";
import { Button, Check, PageHead, Panel, Quiet } from "../../ui/basics";
import { useToast } from "../../ui/toasts";
import { ExportDialog } from "./ExportDialog";
import { PutDialog } from "./PutDialog";
import { SpanBar } from "./SpanBar";
import { TagPicker } from "./TagPicker";

type Opened = "pick" | "export" | "put" | null;

const HEIGHT = 420;

export default function ChartsPage({ query }: PageProps) {
  const text = query.get("tags");
  const picks = useMemo(() => picksOf(text), [text]);
  const asked = query.toString();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the query by its text
  const span = useMemo(() => spanOf(query, HOUR_MS), [asked]);
  const hasMarks = query.get("marks") !== "0";
  const [opened, setOpened] = useState<Opened>(null);
  const [chart, setChart] = useState<ChartHandle | null>(null);
  const handle = useRef<ChartHandle>(null);
  const mayPut = useMay(SAVE_DASHBOARD);
  const note = useToast();

  const queryWith = (change: { picks?: readonly Pick[]; span?: Span; marks?: boolean }) => ({
    tags: textOf(change.picks ?? picks),
    ...queryOf(change.span ?? span),
    marks: (change.marks ?? hasMarks) ? null : "0",
  });
  const setPicks = (next: readonly Pick[]) => replaceQuery(queryWith({ picks: next }));
  // Another span is a step to come back from.
  const setSpan = (next: Span) => go(address(["charts"], queryWith({ span: next })));
  const title = namesOf(picks).join(", ");

  return (
    <>
      <PageHead title={t.places.charts}>
        <Button
          look={picks.length === 0 ? "primary" : undefined}
          onClick={() => setOpened("pick")}
          data-testid="pick-tags"
        >
          {t.charts.pick}
        </Button>
        {picks.length > 0 && (
          <Button
            onClick={() => {
              setChart(handle.current);
              setOpened("export");
            }}
            data-testid="export"
          >
            {t.charts.files}
          </Button>
        )}
        {picks.length > 0 && mayPut && (
          <Button onClick={() => setOpened("put")} data-testid="put">
            {t.charts.toDashboard}
          </Button>
        )}
      </PageHead>
      <Panel>
        {picks.length === 0 ? (
          <Quiet name="nothing-picked">{t.charts.pickHint}</Quiet>
        ) : (
          <>
            <div className="charts-bar">
              <SpanBar span={span} onSpan={setSpan} />
              <Check
                label={t.charts.showMarks}
                checked={hasMarks}
                onChange={({ target }) => replaceQuery(queryWith({ marks: target.checked }))}
                data-testid="show-marks"
              />
            </div>
            <SeriesChart
              picks={picks}
              span={span}
              onSpan={setSpan}
              height={HEIGHT}
              hasMarks={hasMarks}
              handle={handle}
            />
            <ul className="charts-picks" aria-label={t.charts.pickTitle}>
              {picks.map((pick) => (
                <li key={keyOf(pick)} data-testid="pick" data-pick={keyOf(pick)}>
                  <a href={address(["devices", pick.device])}>{pick.device}</a> {pick.tag}
                  <Button
                    look="plain"
                    aria-label={t.charts.remove(keyOf(pick))}
                    title={t.charts.remove(keyOf(pick))}
                    onClick={() => setPicks(picks.filter((one) => !isSame(one, pick)))}
                    data-testid="unpick"
                  >
                    ×
                  </Button>
                </li>
              ))}
              {picks.length > 1 && (
                <li>
                  <Button look="plain" onClick={() => setPicks([])}>
                    {t.charts.clear}
                  </Button>
                </li>
              )}
            </ul>
          </>
        )}
      </Panel>
      {opened === "pick" && (
        <TagPicker picks={picks} onPicks={setPicks} onClose={() => setOpened(null)} />
      )}
      {opened === "export" && chart && (
        <ExportDialog chart={chart} picks={picks} title={title} onClose={() => setOpened(null)} />
      )}
      {opened === "put" && (
        <PutDialog
          picks={picks}
          spanMs={lengthOf(span)}
          onClose={() => setOpened(null)}
          onPut={(href, name) => {
            setOpened(null);
            note(t.charts.putThere(name));
            go(href);
          }}
        />
      )}
    </>
  );
}
