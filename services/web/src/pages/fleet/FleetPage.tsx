/** All devices of the project, how they stand, and commands to many of them. */

import { type ReactNode, useMemo, useState } from "react";
import { useMay } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { address, go, type PageProps } from "../../app/routes";
import { COMMAND_FLEET, CREATE_CODE, DECOMMISSION, FleetVerb, LABEL_DEVICE } from "../../contract";
import { counted, type FleetRow, inScope, shownBy } from "../../device/fleet";
import { useActiveRuns, useFitting, useFleetAlarms, useFleetRows } from "../../device/watching";
import { t } from "../../texts";
import { Button, PageHead, Panel, Problem, Quiet } from "../../ui/basics";
import { Table } from "../../ui/Table";
import { CommandDialog } from "./CommandDialog";
import { columns } from "./columns";
import { DecommissionDialog } from "./DecommissionDialog";
import { EnrolDialog } from "./EnrolDialog";
import { Counts, Filters, readAsked } from "./Filters";
import { LabelsDialog } from "./LabelsDialog";
import "./fleet.css";

type Deed = FleetVerb | "label" | "decommission" | "enrol";

const VERBS = Object.values(FleetVerb);
const keyOf = ({ report }: FleetRow) => report.device;
const dataOf = ({ report }: FleetRow) => ({
  "data-device": report.device,
  "data-online": report.online,
});
const open = ({ report }: FleetRow) => go(address(["devices", report.device]));

export default function FleetPage({ query }: PageProps) {
  const asked = readAsked(query);
  const { devices, problem, isStale } = useDevices();
  const alarms = useFleetAlarms();
  const runs = useActiveRuns();
  const fitting = useFitting(asked.labels);
  const rows = useFleetRows(devices, alarms.value, runs.value);
  const { search, kind, show } = asked;
  // Nobody should command devices while it is not known whether they fit.
  const isUnknown = asked.labels !== "" && fitting.value === null;
  const scope = useMemo(
    () => (isUnknown ? [] : inScope(rows, { search, kind, show, fitting: fitting.value })),
    [rows, search, kind, show, fitting.value, isUnknown],
  );
  const shown = useMemo(() => shownBy(scope, show), [scope, show]);
  const counts = useMemo(() => counted(scope), [scope]);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [deed, setDeed] = useState<Deed | null>(null);
  const mayCommand = useMay(COMMAND_FLEET);
  const chosen = useMemo(
    () => shown.filter((row) => selected.has(keyOf(row))), // never one that is not seen
    [shown, selected],
  );
  const inForce = useMemo(() => new Set(chosen.map(keyOf)), [chosen]);
  const knows = { alarms: alarms.value !== null, runs: runs.value !== null };
  // biome-ignore lint/correctness/useExhaustiveDependencies: its two members are what counts
  const shape = useMemo(() => columns(knows), [knows.alarms, knows.runs]);
  const close = () => setDeed(null);
  const dialog = {
    rows: chosen,
    onClose: close,
    onRetry: (failed: readonly string[]) => {
      setSelected(new Set(failed));
      close();
    },
  };
  return (
    <>
      <PageHead title={t.places.devices}>
        {useMay(CREATE_CODE) && (
          <Button onClick={() => setDeed("enrol")} data-testid="add-device">
            {t.fleet.add}
          </Button>
        )}
      </PageHead>
      <Panel isStale={isStale} className="fleet-panel">
        {devices && <Counts asked={asked} all={scope.length} counts={counts} />}
        <Filters asked={asked} labelsProblem={fitting.problem} />
        {problem && <Problem>{problem}</Problem>}
        {alarms.problem && <Quiet>{`${t.fleet.alarmsProblem} ${alarms.problem}`}</Quiet>}
        {runs.problem && <Quiet>{`${t.fleet.runsProblem} ${runs.problem}`}</Quiet>}
        {(devices === null || isUnknown) && !problem && !fitting.problem && (
          <Quiet>{t.ui.loading}</Quiet>
        )}
        {devices?.length === 0 && <Quiet>{t.fleet.noDevices}</Quiet>}
        {devices !== null && devices.length > 0 && !isUnknown && shown.length === 0 && (
          <Quiet name="none-fits">{t.fleet.noneFits}</Quiet>
        )}
        {shown.length > 0 && (
          <Table
            label={t.places.devices}
            name="device"
            columns={shape}
            rows={shown}
            keyOf={keyOf}
            data={dataOf}
            onOpen={open}
            height="calc(100vh - 17rem)"
            {...(mayCommand ? { selected: inForce, onSelect: setSelected } : {})}
          />
        )}
      </Panel>
      {mayCommand && chosen.length > 0 && (
        <SelectionBar count={chosen.length} onDeed={setDeed}>
          <Button look="plain" onClick={() => setSelected(new Set())} data-testid="select-none">
            {t.fleet.unselect}
          </Button>
        </SelectionBar>
      )}
      {deed === "enrol" && <EnrolDialog onClose={close} />}
      {deed === "label" && <LabelsDialog {...dialog} />}
      {deed === "decommission" && (
        <DecommissionDialog
          devices={chosen.map(keyOf)}
          onRetry={dialog.onRetry}
          onClose={dialog.onClose}
        />
      )}
      {VERBS.map(
        (verb) =>
          deed === verb && (
            <CommandDialog key={verb} verb={verb} knowsRuns={knows.runs} {...dialog} />
          ),
      )}
    </>
  );
}

interface BarProps {
  readonly count: number;
  readonly onDeed: (deed: Deed) => void;
  readonly children: ReactNode;
}

/** Stays at the window's foot: nothing jumps when the first device is selected. */
function SelectionBar({ count, onDeed, children }: BarProps) {
  return (
    <section className="fleet-bar" aria-label={t.fleet.bar} data-testid="selection">
      <span role="status" data-testid="selected" data-count={count}>
        {t.fleet.selected(count)}
      </span>
      <div className="buttons">
        {VERBS.map((verb) => (
          <Button key={verb} onClick={() => onDeed(verb)} data-testid={`fleet-${verb}`}>
            {t.fleet.verbs[verb]}
          </Button>
        ))}
        {useMay(LABEL_DEVICE) && (
          <Button onClick={() => onDeed("label")} data-testid="fleet-label">
            {t.fleet.labels}
          </Button>
        )}
        {useMay(DECOMMISSION) && (
          <Button
            look="danger"
            onClick={() => onDeed("decommission")}
            data-testid="fleet-decommission"
          >
            {t.fleet.decommission}
          </Button>
        )}
        {children}
      </div>
    </section>
  );
}
