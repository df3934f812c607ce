/** The settings that most deployments leave as they are, folded away. */

import { type ReactNode, useState } from "react";
import { ActiveRuns, type DeviceReport } from "../../contract";
import { EMPTY, type Marked, type Written } from "../../deployments/form";
import type { Variable } from "../../deployments/variables";
import { t } from "../../texts";
import { Check } from "../../ui/basics";
import { Choice } from "./Choice";
import type { FormPart } from "./part";
import { Setting, type SettingsPart } from "./StrategyFields";
import { VariableFields } from "./VariableFields";
import { WindowFields } from "./WindowFields";

const words = t.deployments.form;
const RUNS = Object.values(ActiveRuns);
const HEALTH: readonly Written[] = ["watch", "check"];
const PACE: readonly Written[] = ["timeout", "revert_timeout", "max_in_flight", "retries"];

interface Props extends SettingsPart {
  readonly variables: readonly Variable[] | null;
  readonly devices: readonly DeviceReport[];
}

export function Advanced({ config, variables, devices, ...part }: Props) {
  const { form, faults, change } = part;
  const settings = (names: readonly Written[]) => (
    <div className="deployments-pair">
      {names.map((name) => (
        <Setting key={name} {...part} config={config} name={name} />
      ))}
    </div>
  );
  const isIn = (...names: readonly string[]) => names.some((name) => faults[name]);
  const isWritten = (names: readonly Written[]) => names.some((name) => form.written[name] !== "");
  const isMarked = (name: Marked) => form.marked[name] !== EMPTY.marked[name];
  const ofVariables = Object.keys(faults).some((name) => name.startsWith("variable"));
  return (
    <>
      <Fold
        title={words.health}
        name="fold-health"
        isNeeded={isIn(...HEALTH)}
        isSet={isWritten(HEALTH) || isMarked("health_check") || isMarked("auto_rollback")}
      >
        <Mark part={part} name="health_check" />
        {settings(HEALTH)}
        <Mark part={part} name="auto_rollback" />
      </Fold>
      <Fold
        title={words.runs}
        name="fold-runs"
        isSet={form.activeRuns !== EMPTY.activeRuns || form.startRun}
      >
        <Choice
          legend={words.runs}
          name="runs"
          options={RUNS}
          names={words.runsAre}
          value={form.activeRuns}
          onChange={(activeRuns) => change({ activeRuns })}
        />
        <Check
          label={words.startRun}
          checked={form.startRun}
          onChange={({ target }) => change({ startRun: target.checked })}
          data-testid="new-start_run"
        />
      </Fold>
      <Fold
        title={words.pace}
        name="fold-pace"
        isNeeded={isIn(...PACE)}
        isSet={isWritten(PACE) || isMarked("catch_up")}
      >
        {settings(PACE)}
        <Mark part={part} name="catch_up" />
      </Fold>
      <Fold
        title={words.windows}
        name="fold-windows"
        isNeeded={isIn("windows")}
        isSet={form.windows.length > 0}
      >
        <WindowFields {...part} />
      </Fold>
      <Fold title={words.variables} name="fold-variables" isNeeded={ofVariables}>
        <VariableFields {...part} variables={variables} devices={devices} />
      </Fold>
    </>
  );
}

interface FoldProps {
  readonly title: string;
  readonly name: string;
  readonly isNeeded?: boolean; // something in it is wrong: it is shown
  readonly isSet?: boolean; // something in it is not as usual: it is open at first
  readonly children: ReactNode;
}

function Fold({ title, name, isNeeded = false, isSet = false, children }: FoldProps) {
  const [isOpen, setOpen] = useState(isSet);
  return (
    <details
      className="panel"
      open={isOpen || isNeeded}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
      data-testid={name}
    >
      <summary>
        <h2>{title}</h2>
      </summary>
      <div className="deployments-fields">{children}</div>
    </details>
  );
}

function Mark({ part, name }: { readonly part: FormPart; readonly name: Marked }) {
  const { form, change } = part;
  return (
    <Check
      label={words.marked[name]}
      checked={form.marked[name]}
      onChange={({ target }) => change({ marked: { ...form.marked, [name]: target.checked } })}
      data-testid={`new-${name}`}
    />
  );
}
