/** What happened in the run shown, newest first. */

import { useState } from "react";
import { type DeviceStore, type DeviceView, workflowKey } from "../../device/store";
import { timeText } from "../../ui/format";
import { eventInWords, isDetail } from "../../workflow/words";

const PAGE = 100;

export function EventList({ view }: { store: DeviceStore; view: DeviceView }) {
  const [showsAll, setShowsAll] = useState(false);
  const [count, setCount] = useState(PAGE);
  const report = view.runs?.find(({ run }) => run === view.run);
  const workflow = report ? view.workflows.get(workflowKey(report.flow, report.version)) : null;
  const events = view.log.filter((event) => showsAll || !isDetail(event));
  const shown = events.slice(-count).reverse();
  return (
    <section className="panel events" aria-labelledby="events">
      <div className="panel-head">
        <h2 id="events">Events</h2>
        <label className="check">
          <input
            type="checkbox"
            checked={showsAll}
            onChange={(event) => setShowsAll(event.target.checked)}
            data-testid="all-events"
          />
          every step
        </label>
      </div>
      {view.problems.events && (
        <p role="alert" className="problem">
          {view.problems.events}
        </p>
      )}
      {shown.length === 0 && <p className="quiet">Nothing has happened yet.</p>}
      <ol data-testid="events" data-count={view.log.length}>
        {shown.map((event) => (
          <li
            key={event.number}
            data-testid="event"
            data-type={event.type}
            data-number={event.number}
            className={event.type === "COMMAND_FAILED" ? "bad" : ""}
          >
            <time dateTime={new Date(event.createdAt).toISOString()}>
              {timeText(event.createdAt)}
            </time>
            <span>{eventInWords(event, workflow ?? null)}</span>
          </li>
        ))}
      </ol>
      {events.length > count && (
        <button type="button" className="plain" onClick={() => setCount(count + PAGE)}>
          Show older ones
        </button>
      )}
    </section>
  );
}
