/** What the agent or an engine logged: from a level on, followed, searched, copied. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useAsk, useMay } from "../../app/asking";
import { replaceQuery } from "../../app/routes";
import { LogLevel, type LogLine, READ_LOG } from "../../contract";
import {
  FIRST_TAIL,
  fittingLines,
  LAST_TAIL,
  logText,
  longerTail,
  named,
  shortOrigin,
} from "../../device/logs";
import { t } from "../../texts";
import { Button, Check, Panel, Problem, Quiet, Search } from "../../ui/basics";
import { copyText } from "../../ui/Copy";
import { momentText } from "../../ui/format";
import { useToast } from "../../ui/toasts";
import type { PartProps } from "./parts";

const FOLLOW_EVERY_MS = 2_000;
const AT_END_PX = 40;
const LEVELS = Object.values(LogLevel).filter((one) => one !== "debug"); // never kept
const words = t.device.logs;

export function LogsPart(props: PartProps) {
  if (!useMay(READ_LOG)) return <Quiet>{words.notAllowed}</Quiet>;
  return <Log {...props} />;
}

function Log({ device, view, isOnline, query }: PartProps) {
  const level = LEVELS.find((one) => one === query.get("level")) ?? "info";
  const flow = query.get("flow") ?? "";
  const search = query.get("q") ?? "";
  const [follows, setFollows] = useState(true);
  const [tail, setTail] = useState(FIRST_TAIL);
  const note = useToast();
  const { data, problem, isStale, isAsking } = useAsk(
    READ_LOG,
    { level, tail, ...(flow ? { flow } : {}) },
    {
      ids: { device },
      isWanted: isOnline !== false,
      keeps: true,
      ...(follows ? { everyMs: FOLLOW_EVERY_MS } : {}),
    },
  );
  const lines = useMemo(() => fittingLines(data?.lines ?? [], search), [data, search]);
  const longer = longerTail(tail);
  const isCut = data !== undefined && data.lines.length >= tail;
  const change = (next: Readonly<Record<string, string>>) =>
    replaceQuery({ tab: "logs", level, flow, q: search, ...next });
  async function copy() {
    note((await copyText(logText(lines))) ? words.copied(lines.length) : words.notCopied);
  }
  return (
    <Panel name="logs" isStale={isStale || isOnline === false}>
      <div className="filters device-log-filters">
        <select
          aria-label={words.source}
          value={flow}
          onChange={({ target }) => change({ flow: target.value })}
          data-testid="log-source"
        >
          <option value="">{words.agent}</option>
          {(view.installed ?? []).map((one) => (
            <option key={one.flow} value={one.flow}>
              {words.engine(one.flow)}
            </option>
          ))}
        </select>
        <select
          aria-label={words.level}
          value={level}
          onChange={({ target }) => change({ level: target.value })}
          data-testid="log-level"
        >
          {LEVELS.map((one) => (
            <option key={one} value={one}>
              {words.levels[one]}
            </option>
          ))}
        </select>
        <Search value={search} onChange={(q) => change({ q })} label={words.search} />
        <Check
          label={words.follow}
          checked={follows}
          onChange={({ target }) => setFollows(target.checked)}
          data-testid="log-follow"
        />
        <Button onClick={() => void copy()} disabled={lines.length === 0} data-testid="log-copy">
          {t.ui.copy}
        </Button>
      </div>
      {isOnline === false && <Quiet>{data ? t.device.offline : t.device.notAsked}</Quiet>}
      {isOnline !== false && problem && <Problem>{problem}</Problem>}
      {!data && isAsking && <Quiet>{t.ui.loading}</Quiet>}
      {data && (
        <div className="device-log-head">
          {isCut && longer !== null ? (
            <Button look="plain" onClick={() => setTail(longer)} data-testid="log-older">
              {words.older}
            </Button>
          ) : (
            <span className="quiet">
              {isCut ? words.most(LAST_TAIL) : data.kept_since_ms > 0 ? words.since : ""}
            </span>
          )}
        </div>
      )}
      {data && lines.length === 0 && (
        <Quiet>{data.lines.length === 0 ? words.none : words.noneFits}</Quiet>
      )}
      {lines.length > 0 && <Lines lines={lines} follows={follows} tail={tail} />}
    </Panel>
  );
}

interface LinesProps {
  readonly lines: readonly LogLine[];
  readonly follows: boolean;
  readonly tail: number;
}

/** Stays at the end while it is followed and nobody has scrolled away from there. */
function Lines({ lines, follows, tail }: LinesProps) {
  const place = useRef<HTMLOListElement>(null);
  const isAtEnd = useRef(true);
  const fromEnd = useRef<number | null>(null);
  const [now] = useState(Date.now);
  useEffect(() => {
    const list = place.current;
    if (!list) return;
    const look = () => {
      isAtEnd.current = list.scrollHeight - list.scrollTop - list.clientHeight < AT_END_PX;
      fromEnd.current = list.scrollHeight - list.scrollTop;
    };
    list.addEventListener("scroll", look);
    return () => list.removeEventListener("scroll", look);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever there are other lines
  useLayoutEffect(() => {
    const list = place.current;
    if (list && follows && isAtEnd.current) list.scrollTop = list.scrollHeight;
  }, [lines, follows]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: older ones push none away
  useLayoutEffect(() => {
    const list = place.current;
    if (list && !isAtEnd.current && fromEnd.current !== null) {
      list.scrollTop = list.scrollHeight - fromEnd.current;
    }
  }, [tail]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by keys, too
    <ol ref={place} className="device-log mono" aria-label={words.lines} tabIndex={0}>
      {named(lines).map(([name, { at_ms, level, origin, text }]) => (
        <li key={name} data-testid="log-line" data-level={level}>
          <time dateTime={new Date(at_ms).toISOString()}>{momentText(at_ms, now)}</time>{" "}
          <span className="device-log-level">{words.levels[level]}</span>{" "}
          <span className="device-log-origin" title={origin}>
            {shortOrigin(origin)}
          </span>{" "}
          <span>{text}</span>
        </li>
      ))}
    </ol>
  );
}
