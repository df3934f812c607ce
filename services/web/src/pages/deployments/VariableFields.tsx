/** The release's variables: for all devices, for some by labels, for single ones. */

import type { DeviceReport } from "../../contract";
import type { NamedValue, Variable } from "../../deployments/variables";
import { t } from "../../texts";
import { Button, Field, Problem, Quiet } from "../../ui/basics";
import type { FormPart } from "./part";

const words = t.deployments.form;

interface Props extends FormPart {
  readonly variables: readonly Variable[] | null;
  readonly devices: readonly DeviceReport[];
}

export function VariableFields({ form, faults, change, variables, devices }: Props) {
  const known = variables ?? [];
  if (known.length === 0) return <Quiet>{words.noVariables}</Quiet>;
  const first = known[0]?.name ?? "";
  const fresh = (whose: string): NamedValue => ({ whose, name: first, text: "" });
  const { labelVariables, deviceVariables } = form;
  return (
    <>
      <div className="deployments-pair">
        {known.map((variable) => (
          <Field
            key={variable.name}
            label={variable.name}
            hint={variable.description}
            problem={faults[`variable ${variable.name}`]}
          >
            <Value
              variable={variable}
              text={form.variables[variable.name] ?? ""}
              onChange={(text) =>
                change({ variables: { ...form.variables, [variable.name]: text } })
              }
            />
          </Field>
        ))}
      </div>
      <Quiet>{words.overrides}</Quiet>
      <Overrides
        label={words.whoseLabels}
        values={labelVariables}
        variables={known}
        onChange={(values) => change({ labelVariables: values })}
      />
      <Overrides
        label={words.whoseDevice}
        values={deviceVariables}
        variables={known}
        devices={devices}
        onChange={(values) => change({ deviceVariables: values })}
      />
      {faults.variables && <Problem name="variables-problem">{faults.variables}</Problem>}
      <div className="buttons">
        <Button
          onClick={() => change({ labelVariables: [...labelVariables, fresh("")] })}
          data-testid="add-for-labels"
        >
          {words.addForLabels}
        </Button>
        <Button
          onClick={() =>
            change({ deviceVariables: [...deviceVariables, fresh(form.devices[0] ?? "")] })
          }
          data-testid="add-for-device"
        >
          {words.addForDevice}
        </Button>
      </div>
    </>
  );
}

interface ValueProps {
  readonly variable: Variable | undefined;
  readonly text: string;
  readonly onChange: (text: string) => void;
}

function Value({ variable, text, onChange }: ValueProps) {
  const standard = String(variable?.value ?? "");
  if (variable?.type === "boolean") {
    return (
      <select
        value={text}
        onChange={({ target }) => onChange(target.value)}
        data-testid={`value-${variable.name}`}
      >
        <option value="">{words.standard(standard)}</option>
        <option>true</option>
        <option>false</option>
      </select>
    );
  }
  const isNumber = variable?.type === "number" || variable?.type === "integer";
  return (
    <input
      value={text}
      placeholder={standard}
      inputMode={isNumber ? "decimal" : undefined}
      onChange={({ target }) => onChange(target.value)}
      data-testid={`value-${variable?.name ?? ""}`}
    />
  );
}

interface OverridesProps {
  readonly label: string;
  readonly values: readonly NamedValue[];
  readonly variables: readonly Variable[];
  readonly devices?: readonly DeviceReport[];
  readonly onChange: (values: readonly NamedValue[]) => void;
}

function Overrides({ label, values, variables, devices, onChange }: OverridesProps) {
  const put = (at: number, to: Partial<NamedValue>) =>
    onChange(values.map((one, index) => (index === at ? { ...one, ...to } : one)));
  return (
    <div className="deployments-rows">
      {values.map(({ whose, name, text }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a value is its place
        <div key={at} className="deployments-row">
          <Field label={label}>
            {devices ? (
              <select value={whose} onChange={({ target }) => put(at, { whose: target.value })}>
                <option value="" />
                {devices.map(({ device }) => (
                  <option key={device}>{device}</option>
                ))}
              </select>
            ) : (
              <input
                value={whose}
                spellCheck={false}
                onChange={({ target }) => put(at, { whose: target.value })}
              />
            )}
          </Field>
          <Field label={words.variable}>
            <select
              value={name}
              onChange={({ target }) => put(at, { name: target.value, text: "" })}
            >
              {variables.map((one) => (
                <option key={one.name}>{one.name}</option>
              ))}
            </select>
          </Field>
          <Field label={words.value}>
            <Value
              variable={variables.find((one) => one.name === name)}
              text={text}
              onChange={(written) => put(at, { text: written })}
            />
          </Field>
          <Button
            aria-label={words.removeValue(at + 1)}
            onClick={() => onChange(values.filter((_one, index) => index !== at))}
          >
            {words.remove}
          </Button>
        </div>
      ))}
    </div>
  );
}
