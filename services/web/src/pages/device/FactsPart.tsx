/** What the device is: its host, its labels, its key; and what ends its membership. */

import { useState } from "react";
import { useMay, useTell } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { address, go } from "../../app/routes";
import {
  DECOMMISSION,
  type DeviceReport,
  type HostFacts,
  LABEL_DEVICE,
  ROTATE_KEY,
} from "../../contract";
import { bytesText } from "../../device/amounts";
import { labelsText } from "../../device/labels";
import { t } from "../../texts";
import { Ago, Button, Facts, Moment, Panel, Quiet } from "../../ui/basics";
import { CopyLine } from "../../ui/Copy";
import { FormDialog } from "../../ui/Dialog";
import { DecommissionDialog } from "../fleet/DecommissionDialog";
import { LabelsDialog } from "../fleet/LabelsDialog";
import type { PartProps } from "./parts";

const words = t.device.facts;

export function FactsPart({ device, view, isOnline, isStale }: PartProps) {
  const { devices } = useDevices();
  const report = devices?.find((one) => one.device === device) ?? view.detail?.report;
  return (
    <>
      <Panel title={words.host} isStale={isStale}>
        {view.detail?.facts ? (
          <Facts facts={hostFacts(view.detail.facts)} />
        ) : (
          <Quiet>{view.detail ? words.none : t.ui.loading}</Quiet>
        )}
      </Panel>
      {report && <Membership report={report} isOnline={isOnline !== false} />}
    </>
  );
}

function hostFacts(facts: HostFacts): readonly (readonly [string, string])[] {
  return [
    [words.hostname, facts.hostname],
    [words.os, `${facts.os}, ${facts.arch}`],
    [words.cpus, String(facts.cpus)],
    [words.memory, bytesText(facts.memory_bytes)],
    [words.python, facts.python],
    [words.docker, facts.docker ?? words.noDocker],
  ];
}

type Asked = "labels" | "rotate" | "decommission";

function Membership({ report, isOnline }: { report: DeviceReport; isOnline: boolean }) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const [key, setKey] = useState<string | null>(null);
  const { device } = report;
  const row = { report, alarms: { count: 0, unacknowledged: 0, worst: 0 }, runs: [] };
  const close = () => setAsked(null);
  return (
    <Panel
      title={words.membership}
      name="membership"
      actions={
        <>
          {useMay(ROTATE_KEY) && (
            <Button
              disabled={!isOnline}
              onClick={() => setAsked("rotate")}
              data-testid="rotate-key"
            >
              {words.rotate}
            </Button>
          )}
          {useMay(DECOMMISSION) && (
            <Button
              look="danger"
              onClick={() => setAsked("decommission")}
              data-testid="decommission-device"
            >
              {words.decommission}
            </Button>
          )}
        </>
      }
    >
      <Facts
        facts={[
          [words.kind, t.fleet.kinds[report.kind]],
          [words.enrolled, <Moment key="enrolled" ms={report.enrolled_at_ms} />],
          [words.seen, <Ago key="seen" ms={report.last_seen_at_ms} />],
          [words.version, report.version ?? t.fleet.none],
          [words.runtime, report.runtime ? t.device.head.runtime[report.runtime] : t.fleet.none],
          [
            words.labels,
            <span key="labels" data-testid="device-labels">
              {labelsText(report.labels) || words.noLabels}{" "}
              {useMay(LABEL_DEVICE) && (
                <Button look="plain" onClick={() => setAsked("labels")} data-testid="edit-labels">
                  {words.editLabels}
                </Button>
              )}
            </span>,
          ],
          [
            words.key,
            key ? (
              <span key="key">
                {words.rotated} <CopyLine text={key} label={words.key} name="public-key" />
              </span>
            ) : (
              words.keyUnknown
            ),
          ],
        ]}
      />
      {asked === "labels" && <LabelsDialog rows={[row]} onRetry={close} onClose={close} />}
      {asked === "rotate" && <RotateDialog device={device} onDone={setKey} onClose={close} />}
      {asked === "decommission" && (
        <DecommissionDialog
          devices={[device]}
          onRetry={close}
          onClose={close}
          onDone={() => go(address(["devices"]))}
        />
      )}
    </Panel>
  );
}

interface RotateProps {
  readonly device: string;
  readonly onDone: (key: string) => void;
  readonly onClose: () => void;
}

function RotateDialog({ device, onDone, onClose }: RotateProps) {
  const { tell, busy, problem } = useTell(ROTATE_KEY);
  async function rotate() {
    const done = await tell({}, { device });
    if (!done) return;
    onDone(done.public_key);
    onClose();
  }
  return (
    <FormDialog
      title={words.rotateTitle(device)}
      name="rotate-dialog"
      submit={words.rotateSubmit}
      isDanger
      isBusy={busy !== null}
      problem={problem}
      onSubmit={() => void rotate()}
      onClose={onClose}
    >
      <p>{words.rotateEffect}</p>
    </FormDialog>
  );
}
