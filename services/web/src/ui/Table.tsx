/**
 * Tables: sorted by a click, selected and walked by keys, drawn only where they are seen.
 *
 * Long ones scroll inside themselves and draw only the rows in view, so that thousands
 * stay smooth. On a phone only the columns that say so are left.
 */

import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  memo,
  type ReactNode,
  useCallback,
  useMemo,
  useRef,
  useState,
} from "react";
import { t } from "../texts";

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  readonly sort?: (row: Row) => string | number; // absent: not to be sorted by
  readonly width?: string; // of the grid: `8rem`, `minmax(8rem, 2fr)`
  readonly align?: "right";
  readonly onPhone?: boolean; // false: left out there
}

interface Props<Row> {
  readonly label: string;
  readonly name: string; // for tests: rows are `${name}-row`
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly data?: (row: Row) => Readonly<Record<`data-${string}`, string | number | boolean>>;
  readonly onOpen?: (row: Row) => void; // by Enter
  readonly selected?: ReadonlySet<string>; // given: rows can be selected
  readonly onSelect?: (selected: ReadonlySet<string>) => void;
  readonly sortedBy?: string; // at first; `-name` downwards
  readonly height?: string; // of a long table; as much as the window has by default
}

const ROW_PX = 41;
const LONG = 80; // rows

export function Table<Row>(props: Props<Row>) {
  const { label, name, columns, rows, keyOf, selected, onSelect } = props;
  const [sorting, setSorting] = useState(props.sortedBy ?? "");
  const sorted = useMemo(() => sort(rows, columns, sorting), [rows, columns, sorting]);
  const scroller = useRef<HTMLDivElement>(null);
  const isLong = sorted.length > LONG;
  const virtual = useVirtualizer({
    count: isLong ? sorted.length : 0,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const shown = isLong
    ? virtual.getVirtualItems().map(({ index, start }) => ({ index, start }))
    : sorted.map((_row, index) => ({ index, start: 0 }));
  const mark = selected ? ["2.4rem"] : [];
  const wide = [...mark, ...columns.map(widthOf)].join(" ");
  const narrow = [...mark, ...columns.filter(({ onPhone = true }) => onPhone).map(widthOf)].join(
    " ",
  );
  const layout = useMemo(() => ({ "--wide": wide, "--narrow": narrow }), [wide, narrow]);
  const areAll = selected !== undefined && rows.length > 0 && selected.size >= rows.length;

  function toggle(key: string) {
    if (!selected || !onSelect) return;
    const next = new Set(selected);
    if (!next.delete(key)) next.add(key);
    onSelect(next);
  }
  const newestToggle = useRef(toggle);
  newestToggle.current = toggle;
  const stableToggle = useCallback((key: string) => newestToggle.current(key), []);
  function walk(event: KeyboardEvent<HTMLDivElement>) {
    const at = (event.target as Element).closest<HTMLElement>("[data-row]");
    if (!at || event.target !== at) return;
    const index = Number(at.dataset.row);
    const row = sorted[index];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = index + (event.key === "ArrowDown" ? 1 : -1);
      if (isLong) virtual.scrollToIndex(next);
      requestAnimationFrame(() =>
        scroller.current?.querySelector<HTMLElement>(`[data-row="${next}"]`)?.focus(),
      );
    } else if (event.key === " " && row) {
      event.preventDefault();
      toggle(keyOf(row));
    } else if (event.key === "Enter" && row) {
      props.onOpen?.(row);
    }
  }

  return (
    <div
      ref={scroller}
      className={isLong ? "table long" : "table"}
      style={isLong && props.height ? { height: props.height } : undefined}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: rows drawn in part are no <table> */}
      <div
        role="table"
        aria-label={label}
        aria-rowcount={sorted.length + 1}
        data-testid={name}
        data-count={sorted.length}
        onKeyDown={walk}
      >
        <Row className="head" layout={layout}>
          {selected && (
            <Cell role="columnheader">
              <input
                type="checkbox"
                aria-label={t.ui.selectAll}
                checked={areAll}
                onChange={() => onSelect?.(areAll ? new Set() : new Set(sorted.map(keyOf)))}
                data-testid={`${name}-all`}
              />
            </Cell>
          )}
          {columns.map((column) => (
            <Heading key={column.id} column={column} sorting={sorting} onSort={setSorting} />
          ))}
        </Row>
        {/* biome-ignore lint/a11y/useSemanticElements: see above */}
        <div
          role="rowgroup"
          className="body"
          style={isLong ? { height: virtual.getTotalSize() } : undefined}
        >
          {shown.map(({ index, start }) => {
            const row = sorted[index];
            if (row === undefined) return null;
            const key = keyOf(row);
            return (
              <BodyRow
                key={key}
                row={row}
                name={name}
                columns={columns}
                layout={layout}
                index={index}
                start={isLong ? start : null}
                data={props.data}
                label={key}
                isSelected={selected?.has(key)}
                onToggle={stableToggle}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface BodyRowProps<Row> {
  readonly row: Row;
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  readonly layout: RowProps["layout"];
  readonly index: number;
  readonly start: number | null;
  readonly data: Props<Row>["data"];
  readonly label: string;
  readonly isSelected: boolean | undefined; // undefined: rows cannot be selected
  readonly onToggle: (key: string) => void;
}

/** Drawn anew only when its row moves: given the same columns, others' changes cost nothing. */
const BodyRow = memo(function BodyRow<Row>(props: BodyRowProps<Row>) {
  const { row, name, columns, label, isSelected } = props;
  return (
    <Row
      layout={props.layout}
      index={props.index}
      start={props.start}
      data={{ "data-testid": `${name}-row`, ...props.data?.(row) }}
      isSelected={isSelected}
    >
      {isSelected !== undefined && (
        <Cell>
          <input
            type="checkbox"
            aria-label={t.ui.select(label)}
            checked={isSelected}
            onChange={() => props.onToggle(label)}
          />
        </Cell>
      )}
      {columns.map(({ id, cell, align, onPhone }) => (
        <Cell key={id} align={align} onPhone={onPhone}>
          {cell(row)}
        </Cell>
      ))}
    </Row>
  );
}) as <Row>(props: BodyRowProps<Row>) => ReactNode;

function widthOf({ width }: { readonly width?: string }): string {
  return width ?? "minmax(0, 1fr)";
}

function sort<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sorting: string,
): readonly Row[] {
  const isDown = sorting.startsWith("-");
  const by = columns.find(({ id }) => id === sorting.replace("-", ""))?.sort;
  if (!by) return rows;
  const sign = isDown ? -1 : 1;
  return rows
    .map((row) => ({ row, at: by(row) }))
    .sort((one, other) => sign * compare(one.at, other.at))
    .map(({ row }) => row);
}

const words = new Intl.Collator("en", { numeric: true });

function compare(one: string | number, other: string | number): number {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return words.compare(String(one), String(other));
}

interface RowProps {
  readonly layout: Readonly<Record<`--${string}`, string>>;
  readonly className?: string;
  readonly index?: number;
  readonly start?: number | null;
  readonly data?: Readonly<Record<string, string | number | boolean>>;
  readonly isSelected?: boolean | undefined;
  readonly children: ReactNode;
}

function Row({ layout, className, index, start, data, isSelected, children }: RowProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: see above
    <div
      role="row"
      className={className ? `row ${className}` : "row"}
      tabIndex={index === undefined ? undefined : 0}
      aria-rowindex={index === undefined ? 1 : index + 2}
      data-selected={isSelected}
      data-row={index}
      style={{
        ...layout,
        ...(start === null || start === undefined
          ? {}
          : { position: "absolute", transform: `translateY(${start}px)`, height: ROW_PX }),
      }}
      {...data}
    >
      {children}
    </div>
  );
}

interface CellProps {
  readonly role?: "columnheader" | "cell";
  readonly align?: "right" | undefined;
  readonly onPhone?: boolean | undefined;
  readonly sorted?: "ascending" | "descending" | undefined;
  readonly children: ReactNode;
}

function Cell({ role = "cell", align, onPhone = true, sorted, children }: CellProps) {
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: given to column headers only
    <div
      role={role}
      aria-sort={sorted}
      className={[align, onPhone ? "" : "not-on-phone"].filter(Boolean).join(" ") || undefined}
    >
      {children}
    </div>
  );
}

interface HeadingProps<Row> {
  readonly column: Column<Row>;
  readonly sorting: string;
  readonly onSort: (sorting: string) => void;
}

function Heading<Row>({ column, sorting, onSort }: HeadingProps<Row>) {
  const { id, title, sort, align, onPhone } = column;
  const isUp = sorting === id;
  const isDown = sorting === `-${id}`;
  return (
    <Cell
      role="columnheader"
      align={align}
      onPhone={onPhone}
      sorted={isUp ? "ascending" : isDown ? "descending" : undefined}
    >
      {sort ? (
        <button type="button" className="plain" onClick={() => onSort(isUp ? `-${id}` : id)}>
          {title}
          {isUp ? " ↑" : isDown ? " ↓" : ""}
        </button>
      ) : (
        title
      )}
    </Cell>
  );
}
