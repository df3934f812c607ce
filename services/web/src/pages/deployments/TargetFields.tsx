/** Which devices: picked from a list, by their labels, or all. */

import { useMemo, useState } from "react";
import type { DeviceReport } from "../../contract";
import type { Who } from "../../deployments/form";
import { isFound, labelsInUse, labelsText } from "../../deployments/labels";
import { t } from "../../texts";
import { Button, Check, Field, OnlineMark, Problem, Search } from "../../ui/basics";
import { type Column, Table } from "../../ui/Table";
import { Choice } from "./Choice";
import type { FormPart } from "./part";

const words = t.deployments.form;
const WAYS: readonly Who[] = ["devices", "labels", "all"];

interface Props extends FormPart {
  readonly devices: readonly DeviceReport[];
}

export function TargetFields({ form, faults, change, devices }: Props) {
  const { who } = form;
  const inUse = useMemo(() => labelsInUse(devices).join(", "), [devices]);
  return (
    <div className="deployments-fields">
      <Choice
        legend={words.who}
        name="who"
        options={WAYS}
        names={words.whoIs}
        value={who}
        onChange={(chosen) => change({ who: chosen })}
      />
      {who === "labels" && (
        <Field
          label={words.labels}
          problem={faults.labels}
          hint={
            <>
              {words.labelsHint} {inUse && words.labelsInUse(inUse)}
            </>
          }
        >
          <input
            value={form.labels}
            onChange={({ target }) => change({ labels: target.value })}
            spellCheck={false}
            autoCapitalize="none"
            data-testid="new-labels"
          />
        </Field>
      )}
      {who === "devices" && <Picker form={form} change={change} devices={devices} />}
      {who === "labels" && (
        <details open={form.devices.length > 0 || undefined}>
          <summary>{words.andThese(form.devices.length)}</summary>
          <Picker form={form} change={change} devices={devices} />
        </details>
      )}
      {who !== "devices" && (
        <Check
          label={words.dynamic}
          checked={form.dynamic}
          onChange={({ target }) => change({ dynamic: target.checked })}
          data-testid="new-dynamic"
        />
      )}
      {faults.targets && <Problem name="targets-problem">{faults.targets}</Problem>}
    </div>
  );
}

const COLUMNS: readonly Column<DeviceReport>[] = [
  {
    id: "device",
    title: words.columns.device,
    cell: ({ device }) => device,
    sort: ({ device }) => device,
    width: "minmax(7rem, 1fr)",
  },
  {
    id: "state",
    title: words.columns.state,
    cell: ({ online }) => <OnlineMark isOnline={online} />,
    sort: ({ online }) => Number(online),
    width: "5.5rem",
  },
  {
    id: "labels",
    title: words.columns.labels,
    cell: ({ labels }) => labelsText(labels),
    sort: ({ labels }) => labelsText(labels),
    onPhone: false,
  },
];

function Picker({ form, change, devices }: Pick<Props, "form" | "change" | "devices">) {
  const [search, setSearch] = useState("");
  const shown = useMemo(() => devices.filter((one) => isFound(one, search)), [devices, search]);
  const picked = useMemo(() => new Set(form.devices), [form.devices]);
  const here = useMemo(() => new Set(shown.map(({ device }) => device)), [shown]);
  const visible = useMemo(
    () => new Set([...picked].filter((device) => here.has(device))),
    [picked, here],
  );
  function select(among: ReadonlySet<string>) {
    const kept = form.devices.filter((device) => among.has(device) || !here.has(device));
    const added = shown
      .map(({ device }) => device)
      .filter((one) => among.has(one) && !picked.has(one));
    change({ devices: [...kept, ...added] });
  }
  return (
    <div className="deployments-fields">
      <div className="filters">
        <Search
          value={search}
          label={words.searchDevices}
          onChange={setSearch}
          name="device-search"
        />
        <span className="quiet" data-testid="picked" data-count={form.devices.length}>
          {words.picked(form.devices.length)}
        </span>
        {form.devices.length > 0 && (
          <Button onClick={() => change({ devices: [] })}>{words.clear}</Button>
        )}
      </div>
      <div className="deployments-picker">
        <Table
          label={words.pick}
          name="pick"
          columns={COLUMNS}
          rows={shown}
          keyOf={({ device }) => device}
          data={({ device }) => ({ "data-device": device })}
          selected={visible}
          onSelect={select}
        />
      </div>
    </div>
  );
}
