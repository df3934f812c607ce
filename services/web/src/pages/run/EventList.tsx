/** What happened in a run, newest first; in a replay, what is still to come stands back. */

import { useEffect, useRef, useState } from "react";
import type { WorkflowEvent } from "../../contract";
import { type DeviceStore, type DeviceView, workflowKey } from "../../device/store";
import type { EventLog } from "../../run/log";
import { t } from "../../texts";
import { Check, Problem, Quiet } from "../../ui/basics";
import { timeText } from "../../ui/format";
import type { Workflow } from "../../workflow/definition";
import { eventInWords, isDetail } from "../../workflow/words";

const PAGE = 100;
const FEW = 20;

/** Of the run that a device's page shows. */
export function EventList({ view }: { store: DeviceStore; view: DeviceView }) {
  const report = view.runs?.find(({ run }) => run === view.run);
  const workflow = report ? view.workflows.get(workflowKey(report.flow, report.version)) : null;
  return <Events log={view.log} workflow={workflow ?? null} problem={view.problems.events} />;
}

interface Props {
  readonly log: EventLog;
  readonly workflow: Workflow | null;
  readonly problem?: string | undefined;
  readonly shown?: number | null; // of a replay: the number of the event it stands at
  readonly onPick?: (event: WorkflowEvent) => void;
}

export function Events({ log, workflow, problem, shown = null, onPick }: Props) {
  const [showsAll, setShowsAll] = useState(false);
  const [count, setCount] = useState(PAGE);
  const events = log.filter((event) => showsAll || !isDetail(event) || event.number === shown);
  const place = shown === null ? -1 : events.findIndex(({ number }) => number === shown);
  const needed = place === -1 ? 0 : events.length - place + FEW;
  const rows = events.slice(-Math.max(count, needed)).reverse();
  const list = useRef<HTMLOListElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever the replay has moved
  useEffect(() => {
    const row = list.current?.querySelector<HTMLElement>("[aria-current]");
    if (list.current && row) reveal(list.current, row);
  }, [shown]);
  return (
    <section className="panel events" aria-labelledby="events">
      <div className="panel-head">
        <h2 id="events">{t.run.events}</h2>
        <Check
          label={t.run.everyStep}
          checked={showsAll}
          onChange={(event) => setShowsAll(event.target.checked)}
          data-testid="all-events"
        />
      </div>
      {problem && <Problem>{problem}</Problem>}
      {rows.length === 0 && <Quiet>{t.run.nothingYet}</Quiet>}
      <ol ref={list} data-testid="events" data-count={log.length}>
        {rows.map((event) => (
          <li
            key={event.number}
            data-testid="event"
            data-type={event.type}
            data-number={event.number}
            data-ahead={shown !== null && event.number > shown ? true : undefined}
            aria-current={event.number === shown ? "true" : undefined}
            className={event.type === "COMMAND_FAILED" ? "bad" : ""}
          >
            <time dateTime={new Date(event.createdAt).toISOString()}>
              {timeText(event.createdAt)}
            </time>
            {onPick ? (
              <button
                type="button"
                className="run-event"
                title={t.run.replayFrom(eventInWords(event, workflow))}
                onClick={() => onPick(event)}
              >
                {eventInWords(event, workflow)}
              </button>
            ) : (
              <span>{eventInWords(event, workflow)}</span>
            )}
          </li>
        ))}
      </ol>
      {events.length > count && (
        <button type="button" className="plain" onClick={() => setCount(count + PAGE)}>
          {t.run.olderEvents}
        </button>
      )}
    </section>
  );
}

/** Scrolls the list, and nothing but the list. */
function reveal(list: HTMLElement, row: HTMLElement): void {
  const top = row.offsetTop - list.offsetTop;
  const isSeen =
    top >= list.scrollTop && top + row.clientHeight <= list.scrollTop + list.clientHeight;
  if (!isSeen) list.scrollTop = top - list.clientHeight / 2;
}
