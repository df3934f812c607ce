/** What one panel shows: its kind, title, scale, and the series it is made of. */

import { useState } from "react";
import { MOST_SERIES } from "../../charts/board";
import { type DashboardPanel, PanelKind, type PanelSeries } from "../../contract";
import { t } from "../../texts";
import { Button, Field, Problem, Quiet } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { TagPicker } from "./TagPicker";

interface Props {
  readonly panel: DashboardPanel;
  readonly onChange: (change: Partial<DashboardPanel>) => void;
  readonly onClose: () => void;
}

const KINDS = Object.values(PanelKind);

export function PanelDialog({ panel, onChange, onClose }: Props) {
  const [kind, setKind] = useState(panel.kind);
  const [series, setSeries] = useState(panel.series);
  const [isPicking, setPicking] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const hasSeries = kind === PanelKind.CHART || kind === PanelKind.VALUE;

  function apply(form: FormData) {
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const [low, high] = [numberOf(text("low")), numberOf(text("high"))];
    if (low !== null && high !== null && low >= high) {
      setProblem(t.charts.noScale);
      return;
    }
    onChange({
      kind,
      title: text("title"),
      unit: hasSeries ? text("unit") : "",
      low: kind === PanelKind.CHART ? low : null,
      high: kind === PanelKind.CHART ? high : null,
      series: hasSeries ? series : [],
      labels: hasSeries ? null : text("labels") || null,
    });
    onClose();
  }

  if (isPicking) {
    const named = series.flatMap(({ device, tag }) => (device ? [{ device, tag }] : []));
    return (
      <TagPicker
        picks={named}
        takesTexts={kind === PanelKind.VALUE}
        onPicks={(picks) => {
          const others = series.filter(({ device }) => !device);
          const picked = picks.map(({ device, tag }) => ({ device, tag, labels: null }));
          setSeries([...picked, ...others].slice(0, MOST_SERIES));
        }}
        onClose={() => setPicking(false)}
      />
    );
  }
  return (
    <FormDialog
      title={t.charts.editPanel}
      name="panel-dialog"
      submit={t.charts.apply}
      problem={problem}
      onSubmit={apply}
      onClose={onClose}
    >
      <Field label={t.charts.kind}>
        <select
          value={kind}
          onChange={({ target }) => setKind(target.value as PanelKind)}
          data-testid="panel-kind"
        >
          {KINDS.map((one) => (
            <option key={one} value={one}>
              {t.charts.kinds[one]}
            </option>
          ))}
        </select>
      </Field>
      <Field label={t.charts.title}>
        <input name="title" defaultValue={panel.title} maxLength={200} data-testid="panel-title" />
      </Field>
      {hasSeries ? (
        <SeriesList series={series} onSeries={setSeries} onPick={() => setPicking(true)} />
      ) : (
        <Field label={t.charts.labels} hint={t.charts.labelsOfPanel}>
          <input name="labels" defaultValue={panel.labels ?? ""} maxLength={4000} />
        </Field>
      )}
      {hasSeries && (
        <Field label={t.charts.unit} hint={t.charts.unitHint}>
          <input name="unit" defaultValue={panel.unit} maxLength={64} />
        </Field>
      )}
      {kind === PanelKind.CHART && (
        <div className="charts-pair">
          <Field label={t.charts.low}>
            <input
              name="low"
              type="number"
              step="any"
              placeholder={t.charts.auto}
              defaultValue={panel.low ?? ""}
            />
          </Field>
          <Field label={t.charts.high}>
            <input
              name="high"
              type="number"
              step="any"
              placeholder={t.charts.auto}
              defaultValue={panel.high ?? ""}
            />
          </Field>
        </div>
      )}
    </FormDialog>
  );
}

interface SeriesProps {
  readonly series: readonly PanelSeries[];
  readonly onSeries: (series: readonly PanelSeries[]) => void;
  readonly onPick: () => void;
}

function SeriesList({ series, onSeries, onPick }: SeriesProps) {
  const [tag, setTag] = useState("");
  const [labels, setLabels] = useState("");
  const isFull = series.length >= MOST_SERIES;
  return (
    <fieldset className="charts-series">
      <legend>{t.charts.series}</legend>
      {series.length === 0 && <Quiet>{t.charts.seriesNone}</Quiet>}
      <ul>
        {series.map((one) => {
          const name = nameOf(one);
          return (
            <li key={name} data-testid="panel-series">
              {name}
              <Button
                look="plain"
                aria-label={t.charts.remove(name)}
                title={t.charts.remove(name)}
                onClick={() => onSeries(series.filter((each) => each !== one))}
              >
                ×
              </Button>
            </li>
          );
        })}
      </ul>
      <Button onClick={onPick} disabled={isFull} data-testid="panel-pick">
        {t.charts.pick}
      </Button>
      <details>
        <summary>{t.charts.byLabels}</summary>
        <div className="charts-pair">
          <Field label={t.charts.tag}>
            <input
              value={tag}
              maxLength={200}
              onChange={({ target }) => setTag(target.value)}
              data-testid="series-tag"
            />
          </Field>
          <Field label={t.charts.labels} hint={t.charts.labelsHint}>
            <input
              value={labels}
              maxLength={4000}
              onChange={({ target }) => setLabels(target.value)}
              data-testid="series-labels"
            />
          </Field>
        </div>
        <Button
          disabled={isFull || !tag.trim() || !labels.trim()}
          onClick={() => {
            const one = { tag: tag.trim(), device: null, labels: labels.trim() };
            if (!series.some((each) => nameOf(each) === nameOf(one))) onSeries([...series, one]);
            setTag("");
            setLabels("");
          }}
          data-testid="series-add"
        >
          {t.charts.add}
        </Button>
      </details>
      {isFull && <Problem>{t.charts.picked(series.length)}</Problem>}
    </fieldset>
  );
}

function nameOf({ device, tag, labels }: PanelSeries): string {
  return device ? `${device}: ${tag}` : t.charts.seriesOf(tag, labels ?? "");
}

function numberOf(text: string): number | null {
  const found = Number(text);
  return text === "" || !Number.isFinite(found) ? null : found;
}
