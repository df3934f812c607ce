/** What became of a command on each device: how many of what, and who did not do it. */

import { address } from "../../app/routes";
import type { FleetOutcome } from "../../contract";
import { OUTCOMES, type Result, worstFirst } from "../../device/deeds";
import { t } from "../../texts";
import { Button, Quiet, Status, type Tone } from "../../ui/basics";
import { Dialog } from "../../ui/Dialog";
import { type Column, Table } from "../../ui/Table";

const TONES: Readonly<Record<FleetOutcome, Tone>> = {
  done: "quiet",
  refused: "bad",
  offline: "act",
  timed_out: "act",
};

const { columns: title, outcome: words } = t.fleet.results;
const COLUMNS: readonly Column<Result>[] = [
  {
    id: "device",
    title: title.device,
    width: "minmax(5rem, 1fr)",
    cell: ({ device }) => <a href={address(["devices", device])}>{device}</a>,
    sort: ({ device }) => device,
  },
  {
    id: "outcome",
    title: title.outcome,
    width: "5.6rem",
    cell: ({ outcome }) => <Status tone={TONES[outcome]}>{words[outcome]}</Status>,
    sort: ({ outcome }) => words[outcome],
  },
  {
    id: "detail",
    title: title.detail,
    width: "minmax(7rem, 2.2fr)",
    cell: ({ detail }) => <span title={detail}>{detail}</span>,
  },
];

interface Props {
  readonly what: string;
  readonly results: readonly Result[];
  readonly counts: Readonly<Record<string, number>>;
  readonly all: number; // devices it was for
  readonly isOver: boolean;
  readonly onRetry: (devices: readonly string[]) => void;
  readonly onClose: () => void;
}

export function Results({ what, results, counts, all, isOver, onRetry, onClose }: Props) {
  const failed = results.filter(({ outcome }) => outcome !== "done").map(({ device }) => device);
  const told = OUTCOMES.reduce((sum, outcome) => sum + (counts[outcome] ?? 0), 0);
  return (
    <Dialog title={t.fleet.results.title(what)} name="results" isWide onClose={onClose}>
      <p className="fleet-outcomes" role="status" data-testid="outcomes" data-over={isOver}>
        {OUTCOMES.filter((one) => (counts[one] ?? 0) > 0 || one === "done").map((one) => (
          <Status key={one} tone={TONES[one]} data-testid={`outcome-${one}`}>
            {counts[one] ?? 0} {words[one]}
          </Status>
        ))}
        {!isOver && <span className="quiet">{t.fleet.results.underWay(told, all)}</span>}
      </p>
      <Table
        label={t.fleet.results.title(what)}
        name="result"
        columns={COLUMNS}
        rows={worstFirst(results)}
        keyOf={({ device }) => device}
        data={({ device, outcome }) => ({ "data-device": device, "data-outcome": outcome })}
        height="50vh"
      />
      {isOver && results.length < told && (
        <Quiet>{t.fleet.results.left(results.length, told)}</Quiet>
      )}
      <div className="buttons">
        <Button look="primary" onClick={onClose} data-testid="results-close">
          {t.ui.close}
        </Button>
        {isOver && failed.length > 0 && (
          <Button onClick={() => onRetry(failed)}>{t.fleet.results.again(failed.length)}</Button>
        )}
      </div>
    </Dialog>
  );
}
