/** What a chart shows, as a file; and the command that exports everything. */

import { useState } from "react";
import { csvOf, exportCommand } from "../../charts/csv";
import type { Pick } from "../../charts/picks";
import type { ChartHandle } from "../../telemetry/SeriesChart";
import { t } from "../../texts";
import { Button, Quiet } from "../../ui/basics";
import { keepFile } from "../../ui/csv";
import { Dialog } from "../../ui/Dialog";

interface Props {
  readonly chart: ChartHandle;
  readonly picks: readonly Pick[];
  readonly title: string;
  readonly onClose: () => void;
}

export function ExportDialog({ chart, picks, title, onClose }: Props) {
  const [isWaiting, setWaiting] = useState(false);
  const [from, to] = chart.bounds();
  const name = t.charts.fileName(
    "chart",
    new Date(to).toISOString().slice(0, 19).replaceAll(":", ""),
  );
  const devices = [...new Set(picks.map(({ device }) => device))];
  async function keep(make: () => void) {
    setWaiting(true);
    await chart.settled();
    setWaiting(false);
    make();
  }
  return (
    <Dialog title={t.charts.files} name="export-dialog" onClose={onClose}>
      <div className="buttons">
        <Button
          isBusy={isWaiting}
          onClick={() => keep(() => keepFile(`${name}.csv`, csvOf(chart.rows())))}
          data-testid="export-csv"
        >
          {t.charts.csv}
        </Button>
        <Button
          isBusy={isWaiting}
          onClick={() =>
            keep(async () => {
              const picture = await chart.picture(title);
              if (picture) keepFile(`${name}.png`, picture);
            })
          }
          data-testid="export-png"
        >
          {t.charts.png}
        </Button>
      </div>
      <h3>{t.charts.everything}</h3>
      <Quiet>{t.charts.everythingHint}</Quiet>
      {devices.map((device) => (
        <code key={device} className="charts-command" data-testid="export-command">
          {exportCommand(
            device,
            picks.filter((pick) => pick.device === device).map(({ tag }) => tag),
            Math.floor(from),
            Math.ceil(to),
          )}
        </code>
      ))}
      <div className="buttons">
        <Button onClick={onClose}>{t.ui.close}</Button>
      </div>
    </Dialog>
  );
}
