/** Inputs that keep what is typed while it is no value yet, and tell values only. */

import { type InputHTMLAttributes, useState } from "react";
import { variableIn } from "../../design/document";
import { durationOf, durationText } from "../../design/units";
import { t } from "../../texts";
import { Field } from "../../ui/basics";

interface TypedProps<Value>
  extends Omit<InputHTMLAttributes<HTMLInputElement>, "value" | "onChange"> {
  readonly value: Value;
  readonly write: (value: Value) => string;
  readonly read: (text: string) => Value | null; // null: not a value
  readonly onValue: (value: Value) => void;
  readonly onFlaw?: (isFlawed: boolean) => void;
}

export function Typed<Value>(props: TypedProps<Value>) {
  const { value, write, read, onValue, onFlaw, onBlur, ...rest } = props;
  const [typed, setTyped] = useState<string | null>(null);
  const written = write(value);
  // What is typed stands as long as it means the value; a change from elsewhere wins.
  const meant = typed === null ? null : read(typed);
  const isFlawed = typed !== null && meant === null;
  const shown = typed !== null && (isFlawed || write(meant as Value) === written) ? typed : written;
  return (
    <input
      {...rest}
      value={shown}
      aria-invalid={isFlawed || undefined}
      onChange={({ target }) => {
        setTyped(target.value);
        const next = read(target.value);
        onFlaw?.(next === null);
        if (next !== null) onValue(next);
      }}
      onBlur={(event) => {
        setTyped(null);
        onFlaw?.(false);
        onBlur?.(event);
      }}
    />
  );
}

interface DurationProps {
  readonly label: string;
  readonly hint?: string;
  readonly value: unknown; // milliseconds, or a variable
  readonly isOptional?: boolean; // empty: undefined
  readonly disabled: boolean;
  readonly name: string;
  readonly onValue: (value: number | string | undefined) => void;
}

/** A duration in human units, or `${name}` of a variable. */
export function DurationField(props: DurationProps) {
  const { label, hint, value, isOptional = false, disabled, name, onValue } = props;
  const [isFlawed, setFlawed] = useState(false);
  return (
    <Field label={label} hint={hint} problem={isFlawed ? t.designer.element.notADuration : null}>
      <Typed<{ readonly ms: unknown }>
        value={{ ms: value }}
        write={({ ms }) => (typeof ms === "number" ? durationText(ms) : String(ms ?? ""))}
        read={(text) => {
          if (variableIn(text.trim()) !== null) return { ms: text.trim() };
          if (text.trim() === "") return isOptional ? { ms: undefined } : null;
          const ms = durationOf(text);
          return ms === null ? null : { ms };
        }}
        onValue={({ ms }) => onValue(ms as number | string | undefined)}
        onFlaw={setFlawed}
        disabled={disabled}
        list="design-variables"
        data-testid={name}
      />
    </Field>
  );
}

/** A number, or `${name}` of a variable. */
export function numberOf(text: string): number | string | null {
  const written = text.trim().replace(",", ".");
  if (variableIn(written) !== null) return written;
  const value = Number(written);
  return written !== "" && Number.isFinite(value) ? value : null;
}

interface NumberProps {
  readonly label: string;
  readonly value: unknown;
  readonly isOptional?: boolean;
  readonly hint?: string;
  readonly unit?: string;
  readonly disabled: boolean;
  readonly name: string;
  readonly onValue: (value: number | string | undefined) => void;
}

export function NumberField(props: NumberProps) {
  const { label, value, isOptional = false, hint, unit, disabled, name, onValue } = props;
  const [isFlawed, setFlawed] = useState(false);
  return (
    <Field
      label={unit ? `${label} (${unit})` : label}
      hint={hint}
      problem={isFlawed ? t.designer.condition.notANumber : null}
    >
      <Typed<{ readonly is: unknown }>
        value={{ is: value }}
        write={({ is }) => String(is ?? "")}
        read={(text) => {
          if (text.trim() === "") return isOptional ? { is: undefined } : null;
          const number = numberOf(text);
          return number === null ? null : { is: number };
        }}
        onValue={({ is }) => onValue(is as number | string | undefined)}
        onFlaw={setFlawed}
        inputMode="decimal"
        disabled={disabled}
        list="design-variables"
        data-testid={name}
      />
    </Field>
  );
}
