/** Every value of the device: newest, quality, age, course; as a list or as charts. */

import { useMemo, useState } from "react";
import { replaceQuery } from "../../app/routes";
import { useFlawed } from "../../device/reading";
import { fittingRows, VALUE_SHOWS, type ValueRow, valueRows } from "../../device/values";
import type { LiveValues } from "../../telemetry/live";
import { t } from "../../texts";
import { Button, Panel, Problem, Quiet, Search } from "../../ui/basics";
import { type Column, Table } from "../../ui/Table";
import { Charts } from "./Charts";
import { Age, Now, Quality } from "./cells";
import type { PartProps } from "./parts";
import { Sparkline } from "./Sparkline";

const words = t.device.values;
const FIRST_CHARTS = 24;
const NO_TAGS = [] as const;

export function ValuesPart({ store, view, isStale, query }: PartProps) {
  const { values } = store;
  const tags = view.detail?.tags ?? NO_TAGS;
  const search = query.get("q") ?? "";
  const show = VALUE_SHOWS.find((one) => one === query.get("show")) ?? null;
  const areCharts = query.get("view") === "charts";
  const [most, setMost] = useState(FIRST_CHARTS);
  const flawed = useFlawed(values, show === "flawed");
  const rows = useMemo(() => valueRows(tags), [tags]);
  const shown = useMemo(
    () => fittingRows(rows, search, show, flawed),
    [rows, search, show, flawed],
  );
  const drawn = useMemo(() => shown.slice(0, most).map(({ tag }) => tag), [shown, most]);
  const shape = useMemo(() => columns(values, isStale), [values, isStale]);
  const change = (next: Readonly<Record<string, string>>) =>
    replaceQuery({
      tab: "values",
      q: search,
      show,
      view: areCharts ? "charts" : "",
      ...next,
    });
  return (
    <>
      <div className="filters">
        <Search value={search} onChange={(q) => change({ q })} label={words.search} />
        <select
          aria-label={words.shows}
          value={show ?? ""}
          onChange={({ target }) => change({ show: target.value })}
          data-testid="values-show"
        >
          <option value="">{words.show.all}</option>
          {VALUE_SHOWS.map((one) => (
            <option key={one} value={one}>
              {words.show[one]}
            </option>
          ))}
        </select>
        <Button
          aria-pressed={!areCharts}
          onClick={() => change({ view: "" })}
          data-testid="as-list"
        >
          {words.list}
        </Button>
        <Button
          aria-pressed={areCharts}
          onClick={() => change({ view: "charts" })}
          data-testid="as-charts"
        >
          {words.charts}
        </Button>
      </div>
      {view.detail && tags.length === 0 && <Quiet>{words.none}</Quiet>}
      {tags.length > 0 && shown.length === 0 && <Quiet>{words.noneFits}</Quiet>}
      {areCharts ? (
        <>
          <Charts
            store={store}
            tags={drawn}
            isStale={isStale}
            problem={view.problems.values ?? null}
          />
          {shown.length > most && (
            <Button onClick={() => setMost(most + FIRST_CHARTS)}>
              {words.moreCharts(shown.length - most)}
            </Button>
          )}
        </>
      ) : (
        <Panel
          isStale={isStale}
          actions={
            isStale && (
              <span className="mark off" data-testid="stale">
                {words.notLive}
              </span>
            )
          }
        >
          {view.problems.values && <Problem>{view.problems.values}</Problem>}
          <Table
            label={words.title}
            name="value"
            columns={shape}
            rows={shown}
            keyOf={({ tag }) => tag.tag}
            data={({ tag }) => ({ "data-tag": tag.tag })}
            height="calc(100vh - 16rem)"
          />
        </Panel>
      )}
    </>
  );
}

function columns(values: LiveValues, isStale: boolean): readonly Column<ValueRow>[] {
  return [
    {
      id: "tag",
      title: words.columns.tag,
      width: "minmax(8rem, 1.4fr)",
      cell: ({ tag }) => <span title={tag.node ?? undefined}>{tag.tag}</span>,
      sort: ({ tag }) => tag.tag,
    },
    {
      id: "value",
      title: words.columns.value,
      width: "minmax(6rem, 0.8fr)",
      align: "right",
      cell: ({ tag }) => <Now values={values} tag={tag} name="value-now" />,
    },
    {
      id: "target",
      title: words.columns.target,
      width: "minmax(6rem, 0.8fr)",
      align: "right",
      cell: ({ setpoint }) => setpoint && <Now values={values} tag={setpoint} />,
      onPhone: false,
    },
    {
      id: "quality",
      title: words.columns.quality,
      width: "6rem",
      cell: ({ tag }) => <Quality values={values} tag={tag} />,
    },
    {
      id: "age",
      title: words.columns.age,
      width: "4.5rem",
      align: "right",
      cell: ({ tag }) => <Age values={values} tag={tag} />,
      onPhone: false,
    },
    {
      id: "trend",
      title: words.columns.trend,
      width: "minmax(8rem, 1.6fr)",
      cell: ({ tag }) => <Sparkline values={values} tag={tag.tag} isStale={isStale} />,
      onPhone: false,
    },
  ];
}
