/** Which devices are shown; all of it stands in the address. */

import { useEffect, useRef, useState } from "react";
import { address, replaceQuery } from "../../app/routes";
import { DeviceKind } from "../../contract";
import { SHOWS, type Show } from "../../device/fleet";
import { t } from "../../texts";
import { Button, Problem, Search } from "../../ui/basics";

/** What the address asks for. */
export interface Asked {
  readonly search: string;
  readonly labels: string;
  readonly kind: DeviceKind | null;
  readonly show: Show | null;
}

const KINDS = Object.values(DeviceKind);
const TYPED_MS = 600; // a selector is half-written most of the time

export function readAsked(query: URLSearchParams): Asked {
  return {
    search: query.get("q") ?? "",
    labels: query.get("labels") ?? "",
    kind: KINDS.find((one) => one === query.get("kind")) ?? null,
    show: SHOWS.find((one) => one === query.get("show")) ?? null,
  };
}

const queryOf = ({ search, labels, kind, show }: Asked) => ({ q: search, labels, kind, show });

export const isNarrowed = ({ search, labels, kind, show }: Asked): boolean =>
  search !== "" || labels !== "" || kind !== null || show !== null;

interface Props {
  readonly asked: Asked;
  readonly labelsProblem: string | null;
}

export function Filters({ asked, labelsProblem }: Props) {
  const change = (next: Partial<Asked>) => replaceQuery(queryOf({ ...asked, ...next }));
  return (
    <>
      <div className="filters fleet-filters">
        <Search
          value={asked.search}
          onChange={(search) => change({ search })}
          label={t.fleet.search}
        />
        <Selector labels={asked.labels} onChange={(labels) => change({ labels })} />
        <select
          aria-label={t.fleet.kind}
          value={asked.kind ?? ""}
          onChange={({ target }) =>
            change({ kind: KINDS.find((one) => one === target.value) ?? null })
          }
          data-testid="kind"
        >
          <option value="">{t.fleet.anyKind}</option>
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {t.fleet.kinds[kind]}
            </option>
          ))}
        </select>
        {isNarrowed(asked) && (
          <Button look="plain" onClick={() => replaceQuery({})} data-testid="clear-filters">
            {t.fleet.clear}
          </Button>
        )}
      </div>
      {labelsProblem && <Problem name="labels-problem">{labelsProblem}</Problem>}
    </>
  );
}

/** Put into force by Enter, by leaving the field, or by a pause in typing. */
function Selector({ labels, onChange }: { labels: string; onChange: (labels: string) => void }) {
  const [text, setText] = useState(labels);
  const put = useRef(onChange);
  put.current = onChange;
  useEffect(() => setText(labels), [labels]);
  useEffect(() => {
    if (text.trim() === labels) return;
    const timer = setTimeout(() => put.current(text.trim()), TYPED_MS);
    return () => clearTimeout(timer);
  }, [text, labels]);
  return (
    <input
      className="fleet-selector"
      aria-label={t.fleet.selector}
      placeholder={`${t.fleet.selector}: ${t.fleet.selectorHint}`}
      value={text}
      autoCapitalize="none"
      autoComplete="off"
      spellCheck={false}
      onChange={({ target }) => setText(target.value)}
      onBlur={() => onChange(text.trim())}
      onKeyDown={({ key }) => {
        if (key === "Enter") onChange(text.trim());
      }}
      data-testid="labels"
    />
  );
}

interface CountsProps {
  readonly asked: Asked;
  readonly all: number;
  readonly counts: Readonly<Record<Show, number>>;
}

/** How many there are of each sort; a click shows only those. */
export function Counts({ asked, all, counts }: CountsProps) {
  const one = (show: Show | null, name: string, count: number, mark = "") => (
    <a
      key={name}
      href={address(["devices"], queryOf({ ...asked, show: asked.show === show ? null : show }))}
      aria-current={asked.show === show ? "true" : undefined}
      className={count > 0 ? mark : undefined}
      data-testid={`show-${show ?? "all"}`}
      data-count={count}
    >
      {name} <strong>{count}</strong>
    </a>
  );
  return (
    <nav className="fleet-counts" aria-label={t.fleet.shows.label}>
      {one(null, t.fleet.shows.all, all)}
      {SHOWS.map((show) =>
        one(
          show,
          t.fleet.shows[show],
          counts[show],
          show === "offline" || show === "alarms" ? "act" : "",
        ),
      )}
    </nav>
  );
}
