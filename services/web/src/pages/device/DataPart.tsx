/** What of the device's data is stored, what waits to be delivered, and what was lost. */

import { useAsk } from "../../app/asking";
import {
  type DeviceInfo,
  type Epoch,
  type EpochState,
  GAPS,
  type Loss,
  type Stream,
} from "../../contract";
import { ageText, bytesText } from "../../device/amounts";
import { epochsInOrder, realLosses, type StreamRow, streamRows } from "../../device/completeness";
import { t } from "../../texts";
import { Ago, Moment, Panel, Problem, Quiet, Status, type Tone } from "../../ui/basics";
import { type Column, Table } from "../../ui/Table";
import { useInfo } from "./info";
import type { PartProps } from "./parts";

const EVERY_MS = 10_000;
const words = t.device.data;
const TONES: Readonly<Record<EpochState, Tone>> = {
  open: "normal",
  closed: "quiet",
  unexplained: "bad",
};

const streamWord = (stream: string) => words.stream[stream as Stream] ?? stream;

export function DataPart({ device, isOnline }: PartProps) {
  const info = useInfo(device, isOnline);
  const gaps = useAsk(GAPS, { device }, { everyMs: EVERY_MS });
  const losses = realLosses(gaps.data?.losses ?? []);
  const unexplained = (gaps.data?.epochs ?? []).filter(({ state }) => state === "unexplained");
  const outbox = isOnline === false ? undefined : info.data?.outbox;
  return (
    <>
      <Panel
        title={words.outbox}
        name="outbox"
        isStale={gaps.isStale || isOnline === false}
        actions={
          info.data &&
          isOnline !== false && (
            <span className="quiet" data-testid="outbox-standing">
              {standing(info.data)}
            </span>
          )
        }
      >
        <Quiet>{isOnline === false ? t.device.notAsked : words.outboxExplain}</Quiet>
        {isOnline !== false && info.problem && <Problem>{info.problem}</Problem>}
        <Table
          label={words.outbox}
          name="stream"
          columns={STREAMS}
          rows={streamRows(gaps.data, outbox)}
          keyOf={({ stream }) => stream}
          data={({ stream }) => ({ "data-stream": stream })}
        />
      </Panel>
      <Panel title={words.gaps} name="gaps" isStale={gaps.isStale}>
        {gaps.problem && <Problem>{gaps.problem}</Problem>}
        {gaps.data && (
          <p
            data-testid="complete"
            data-complete={gaps.data.complete}
            className={gaps.data.complete ? "quiet" : "problem"}
          >
            {gaps.data.complete
              ? words.complete
              : words.incomplete(losses.length, unexplained.length)}
          </p>
        )}
        {losses.length > 0 && (
          <>
            <h3>{words.losses}</h3>
            <Table
              label={words.losses}
              name="loss"
              columns={LOSSES}
              rows={losses}
              keyOf={({ stream, epoch, first }) => `${stream}/${epoch}/${first}`}
            />
          </>
        )}
        <h3>{words.epochs}</h3>
        <Quiet>{words.epochsHint}</Quiet>
        {gaps.data?.epochs.length === 0 && <Quiet>{words.noEpochs}</Quiet>}
        {gaps.data && gaps.data.epochs.length > 0 && (
          <Table
            label={words.epochs}
            name="epoch"
            columns={EPOCHS}
            rows={epochsInOrder(gaps.data.epochs)}
            keyOf={({ stream, epoch }) => `${stream}/${epoch}`}
            data={({ stream, state }) => ({ "data-stream": stream, "data-state": state })}
          />
        )}
      </Panel>
    </>
  );
}

/** How much there is, and for how long the oldest of it has waited. */
function standing({ at_ms, outbox_bytes, outbox_oldest_ms }: DeviceInfo): string {
  const size = words.bytes(bytesText(outbox_bytes));
  if (outbox_oldest_ms === null || outbox_oldest_ms === undefined) return size; // an older agent
  return `${size}, ${words.oldest(ageText(at_ms - outbox_oldest_ms))}`;
}

const { columns: title } = words;

const STREAMS: readonly Column<StreamRow>[] = [
  {
    id: "stream",
    title: title.stream,
    cell: ({ stream }) => streamWord(stream),
  },
  {
    id: "waiting",
    title: title.waiting,
    align: "right",
    cell: ({ waiting }) => <span data-testid="waiting-items">{waiting ?? t.fleet.unknown}</span>,
  },
  {
    id: "stored",
    title: title.stored,
    align: "right",
    cell: ({ stored }) => stored,
  },
  {
    id: "lost",
    title: title.lost,
    align: "right",
    cell: ({ lost, unexplained }) =>
      lost > 0 || unexplained > 0 ? <span className="problem">{lost}</span> : 0,
  },
  {
    id: "newest",
    title: title.newest,
    align: "right",
    cell: ({ newestAtMs }) => (newestAtMs === null ? t.fleet.none : <Ago ms={newestAtMs} />),
    onPhone: false,
  },
];

const LOSSES: readonly Column<Loss>[] = [
  {
    id: "at",
    title: title.at,
    width: "minmax(6rem, 1fr)",
    cell: ({ at_ms }) => <Moment ms={at_ms} />,
    sort: ({ at_ms }) => at_ms,
  },
  {
    id: "stream",
    title: title.stream,
    width: "6rem",
    cell: ({ stream }) => streamWord(stream),
    sort: ({ stream }) => stream,
    onPhone: false,
  },
  {
    id: "lost",
    title: title.lost,
    width: "5rem",
    align: "right",
    cell: ({ count }) => count,
    sort: ({ count }) => count,
  },
  {
    id: "first",
    title: title.from,
    width: "7rem",
    align: "right",
    cell: ({ first }) => first,
    onPhone: false,
  },
  {
    id: "span",
    title: title.span,
    width: "minmax(10rem, 1.4fr)",
    cell: ({ from_ms, to_ms }) => (
      <>
        <Moment ms={from_ms} /> – <Moment ms={to_ms} />
      </>
    ),
    onPhone: false,
  },
  {
    id: "reason",
    title: title.reason,
    width: "minmax(8rem, 2fr)",
    cell: ({ reason }) => <span title={reason}>{reason}</span>,
  },
];

const EPOCHS: readonly Column<Epoch>[] = [
  {
    id: "stream",
    title: title.stream,
    width: "minmax(5rem, 1fr)",
    cell: ({ stream }) => streamWord(stream),
    sort: ({ stream }) => stream,
  },
  {
    id: "state",
    title: title.state,
    width: "7.5rem",
    cell: ({ state }) => <Status tone={TONES[state]}>{words.state[state]}</Status>,
    sort: ({ state }) => state,
  },
  {
    id: "number",
    title: title.stored,
    width: "minmax(5rem, 0.8fr)",
    align: "right",
    cell: ({ next_number }) => next_number,
    sort: ({ next_number }) => next_number,
  },
  {
    id: "expired",
    title: title.expired,
    width: "minmax(4rem, 0.6fr)",
    align: "right",
    cell: ({ expired }) => expired,
    onPhone: false,
  },
  {
    id: "changed",
    title: title.newest,
    width: "minmax(7rem, 1fr)",
    cell: ({ changed_at_ms }) => <Moment ms={changed_at_ms} />,
    sort: ({ changed_at_ms }) => changed_at_ms,
    onPhone: false,
  },
  {
    id: "epoch",
    title: title.epoch,
    width: "minmax(6rem, 1fr)",
    cell: ({ epoch }) => (
      <span className="mono quiet" title={epoch}>
        {epoch}
      </span>
    ),
    onPhone: false,
  },
];
