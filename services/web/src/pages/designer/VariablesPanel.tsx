/** The variables a workflow declares: their names, types and defaults. */

import { useState } from "react";
import type { Variable } from "../../design/document";
import { variablesOf } from "../../design/document";
import { withField } from "../../design/edits";
import { VARIABLE_TYPES } from "../../design/rules";
import {
  addVariable,
  changeVariable,
  firstValue,
  isVariableName,
  removeVariable,
  renameVariable,
  usesOf,
} from "../../design/variables";
import { t } from "../../texts";
import { Button, Field, Quiet } from "../../ui/basics";
import { Typed } from "./inputs";
import type { Design } from "./useDesign";

const v = t.designer.variables;

interface Props {
  readonly design: Design;
  readonly isReadOnly: boolean;
}

export function VariablesPanel({ design, isReadOnly }: Props) {
  const variables = variablesOf(design.definition);
  const uses = usesOf(design.definition);
  return (
    <div className="design-form" data-testid="variables">
      <Quiet>{v.what}</Quiet>
      {variables.length === 0 && <Quiet>{v.none}</Quiet>}
      {variables.map((variable, place) => (
        <fieldset
          // biome-ignore lint/suspicious/noArrayIndexKey: the name is being edited
          key={place}
          className="design-variable"
          data-testid="variable"
        >
          <legend>
            {variable.name} <span className="quiet">{v.uses(uses.get(variable.name) ?? 0)}</span>
          </legend>
          <VariableForm {...{ design, variable, place, isReadOnly }} />
        </fieldset>
      ))}
      {!isReadOnly && (
        <Button onClick={() => design.edit(addVariable)} data-testid="add-variable">
          {v.add}
        </Button>
      )}
    </div>
  );
}

interface FormProps extends Props {
  readonly variable: Variable;
  readonly place: number;
}

function VariableForm({ design, variable, place, isReadOnly }: FormProps) {
  const [isBadName, setBadName] = useState(false);
  const [isBadValue, setBadValue] = useState(false);
  const set = (name: string, value: unknown) =>
    design.edit(
      (was) => changeVariable(was, place, (one) => withField(one, name, value)),
      `variable.${place}.${name}`,
    );
  const setType = (type: string) =>
    design.edit((was) =>
      changeVariable(was, place, (one) => ({ ...one, type, value: firstValue(type) })),
    );
  return (
    <>
      <Field label={v.name} problem={isBadName ? v.badName : null}>
        <Typed<string>
          value={variable.name}
          write={(name) => name}
          read={(text) => (isVariableName(text.trim()) ? text.trim() : null)}
          onValue={(name) =>
            design.edit((was) => renameVariable(was, place, name), `variable.${place}.name`)
          }
          onFlaw={setBadName}
          disabled={isReadOnly}
          data-testid="variable-name"
        />
      </Field>
      <Field label={v.type}>
        <select
          value={variable.type}
          disabled={isReadOnly}
          onChange={({ target }) => setType(target.value)}
          data-testid="variable-type"
        >
          {VARIABLE_TYPES.map((type) => (
            <option key={type} value={type}>
              {v.types[type]}
            </option>
          ))}
        </select>
      </Field>
      <Field label={v.value} problem={isBadValue ? v.badValue : null}>
        <Typed<unknown>
          value={variable.value}
          write={String}
          read={(text) => typedAs(variable.type, text)}
          onValue={(value) => set("value", value)}
          onFlaw={setBadValue}
          disabled={isReadOnly}
          data-testid="variable-value"
        />
      </Field>
      <Field label={v.description}>
        <input
          value={String(variable.description ?? "")}
          disabled={isReadOnly}
          onChange={({ target }) => set("description", target.value || undefined)}
        />
      </Field>
      {!isReadOnly && (
        <Button
          look="plain"
          onClick={() => design.edit((was) => removeVariable(was, place))}
          data-testid="remove-variable"
        >
          {v.remove(variable.name)}
        </Button>
      )}
    </>
  );
}

function typedAs(type: string, text: string): unknown {
  const written = text.trim();
  if (type === "text") return text || null;
  if (type === "boolean") return written === "true" ? true : written === "false" ? false : null;
  const value = Number(written.replace(",", "."));
  if (written === "" || !Number.isFinite(value)) return null;
  return type === "integer" && !Number.isInteger(value) ? null : value;
}
