/** One side of a comparison, or a setpoint's value: what it is, and which. */

import type { Tag } from "../../contract";
import type { Operand, OperandKind } from "../../design/conditions";
import { NEW_COMPARISON } from "../../design/conditions";
import { t } from "../../texts";
import type { Nodes } from "../../workflow/words";
import { numberOf, Typed } from "./inputs";

const c = t.designer.condition;

interface Props {
  readonly label: string; // of the whole
  readonly name: string; // for tests
  readonly operand: Operand;
  readonly kinds: readonly OperandKind[];
  readonly nodes: Nodes;
  readonly gateways: readonly string[];
  readonly variables: readonly string[];
  readonly unit?: string;
  readonly disabled: boolean;
  readonly onChange: (operand: Operand) => void;
}

export function OperandForm(props: Props) {
  const { label, name, operand, kinds, gateways, variables, disabled, onChange } = props;
  const offered = kinds.includes(operand.is) ? kinds : [...kinds, operand.is];
  const first = (is: OperandKind): Operand => {
    switch (is) {
      case "tag":
        return { is, node: "" };
      case "activations":
        return { is, gateway: gateways[0] ?? "" };
      case "number":
        return { is, value: 0 };
      case "text":
        return { is, value: "text" };
      case "boolean":
        return { is, value: true };
      case "variable":
        return { is, name: variables[0] ?? "variable_1" };
      case "condition":
        return { is, condition: NEW_COMPARISON };
      case "empty":
        return { is };
    }
  };
  return (
    <fieldset className="design-operand" data-testid={name}>
      <legend className="hidden">{label}</legend>
      <select
        aria-label={`${label}: ${c.kind}`}
        value={operand.is}
        disabled={disabled}
        onChange={({ target }) => onChange(first(target.value as OperandKind))}
        data-testid={`${name}-kind`}
      >
        {offered.map((kind) => (
          <option key={kind} value={kind}>
            {c.kinds[kind]}
          </option>
        ))}
      </select>
      <Value {...props} />
    </fieldset>
  );
}

function Value({ label, name, operand, gateways, variables, unit, disabled, onChange }: Props) {
  const common = { disabled, "data-testid": `${name}-value` };
  switch (operand.is) {
    case "tag":
      return (
        <input
          {...common}
          aria-label={`${label}: ${c.tag}`}
          placeholder={c.tag}
          list="design-tags"
          value={operand.node}
          onChange={({ target }) => onChange({ is: "tag", node: target.value })}
        />
      );
    case "number":
      return (
        <span className="design-with-unit">
          <Typed<number>
            {...common}
            aria-label={`${label}: ${c.value}`}
            inputMode="decimal"
            value={operand.value}
            write={String}
            read={(text) => {
              const number = numberOf(text);
              return typeof number === "number" ? number : null;
            }}
            onValue={(value) => onChange({ is: "number", value })}
          />
          {unit && <span className="quiet">{unit}</span>}
        </span>
      );
    case "text":
      return (
        <Typed<string>
          {...common}
          aria-label={`${label}: ${c.value}`}
          value={operand.value}
          write={(value) => value}
          read={(text) => text || null}
          onValue={(value) => onChange({ is: "text", value })}
        />
      );
    case "boolean":
      return (
        <select
          {...common}
          aria-label={`${label}: ${c.value}`}
          value={String(operand.value)}
          onChange={({ target }) => onChange({ is: "boolean", value: target.value === "true" })}
        >
          <option value="true">{c.on}</option>
          <option value="false">{c.off}</option>
        </select>
      );
    case "activations":
      return (
        <Choice
          {...common}
          label={`${label}: ${c.gateway}`}
          value={operand.gateway}
          choices={gateways}
          onChange={(gateway) => onChange({ is: "activations", gateway })}
        />
      );
    case "variable":
      return (
        <Choice
          {...common}
          label={`${label}: ${c.variable}`}
          value={operand.name}
          choices={variables}
          onChange={(variable) => onChange({ is: "variable", name: variable })}
        />
      );
    default:
      return null;
  }
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly choices: readonly string[];
  readonly disabled: boolean;
  readonly "data-testid": string;
  readonly onChange: (value: string) => void;
}

function Choice({ label, value, choices, onChange, ...rest }: ChoiceProps) {
  const all = choices.includes(value) ? choices : [value, ...choices];
  return (
    <select
      {...rest}
      aria-label={label}
      value={value}
      onChange={({ target }) => onChange(target.value)}
    >
      {all.map((one) => (
        <option key={one} value={one}>
          {one}
        </option>
      ))}
    </select>
  );
}

/** The unit of what an operand reads. */
export function unitOf(operand: Operand, nodes: Nodes): string {
  return operand.is === "tag" ? (nodes.get(operand.node)?.unit ?? "") : "";
}

/** The value a setpoint for this tag may begin with. */
export function firstFor(tag: Tag | undefined): unknown {
  if (tag?.type === "boolean") return true;
  return tag?.type === "text" ? "text" : 0;
}
