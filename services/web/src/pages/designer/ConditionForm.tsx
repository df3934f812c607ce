/** A condition as a form: comparisons, and groups of them that nest. */

import {
  isGroup,
  joined,
  membersOf,
  NEW_COMPARISON,
  type Operand,
  operandOf,
  optionOf,
  withMember,
  withMembers,
  withOption,
  withSide,
} from "../../design/conditions";
import {
  type Definition,
  isGateway,
  isRecord,
  type Json,
  textOf,
  variablesOf,
} from "../../design/document";
import { withField } from "../../design/edits";
import { JOINTS, OPERATORS } from "../../design/rules";
import { t } from "../../texts";
import { Button, Field } from "../../ui/basics";
import type { Nodes } from "../../workflow/words";
import { DurationField, NumberField } from "./inputs";
import { OperandForm, unitOf } from "./OperandForm";

const c = t.designer.condition;
const SIDES = ["tag", "activations", "number", "text", "boolean", "variable"] as const;

interface Props {
  readonly definition: Definition;
  readonly condition: unknown;
  readonly nodes: Nodes;
  readonly disabled: boolean;
  readonly isInstant?: boolean; // judged at an instant, by a gateway: nothing is sustained
  readonly onChange: (condition: Json) => void;
  readonly onRemove?: () => void; // of a group's member
  readonly name?: string; // for tests
}

export function ConditionForm({ name = "condition", ...props }: Props) {
  const { condition, disabled, onChange } = props;
  if (!isRecord(condition) || Object.keys(condition).length === 0) {
    return (
      <div className="design-condition">
        <p className="quiet">{c.none}</p>
        {!disabled && (
          <Button onClick={() => onChange(NEW_COMPARISON)} data-testid={`${name}-add`}>
            {c.add}
          </Button>
        )}
      </div>
    );
  }
  return isGroup(condition) ? (
    <Group {...props} name={name} condition={condition} />
  ) : (
    <Comparison {...props} name={name} condition={condition} />
  );
}

interface FormProps extends Props {
  readonly name: string;
  readonly condition: Json;
}

function Comparison({ definition, condition, nodes, disabled, name, ...rest }: FormProps) {
  const { onChange, onRemove, isInstant = false } = rest;
  const [left, right] = [operandOf(condition.left), operandOf(condition.right)];
  const unit = unitOf(left, nodes) || unitOf(right, nodes);
  const operator = textOf(condition, "operator") ?? "";
  const known = (OPERATORS as readonly string[]).includes(operator)
    ? OPERATORS
    : [operator, ...OPERATORS];
  const common = {
    kinds: SIDES,
    nodes,
    unit,
    disabled,
    gateways: definition.elements.filter(isGateway).map(({ id }) => id),
    variables: variablesOf(definition).map((one) => one.name),
  };
  return (
    <div className="design-condition" data-testid={name}>
      <OperandForm
        {...common}
        label={c.left}
        name={`${name}-left`}
        operand={left}
        onChange={(operand) => onChange(withSide(condition, "left", operand))}
      />
      <div className="design-comparison">
        <select
          aria-label={c.operator}
          value={operator}
          disabled={disabled}
          onChange={({ target }) => onChange(withField(condition, "operator", target.value))}
          data-testid={`${name}-operator`}
        >
          {known.map((one) => (
            <option key={one} value={one}>
              {c.operators[one] ?? one}
            </option>
          ))}
        </select>
        <OperandForm
          {...common}
          label={c.right}
          name={`${name}-right`}
          operand={right}
          onChange={(operand) => onChange(withSide(condition, "right", operand))}
        />
      </div>
      <Options {...{ condition, disabled, name, unit, isInstant, onChange }} />
      {!disabled && (
        <div className="buttons">
          {JOINTS.map((joint) => (
            <Button
              key={joint}
              look="plain"
              onClick={() => onChange(joined(condition, joint))}
              data-testid={`${name}-${joint.toLowerCase()}`}
            >
              {joint === "AND" ? c.addAnd : c.addOr}
            </Button>
          ))}
          {onRemove && (
            <Button look="plain" onClick={onRemove}>
              {t.designer.element.removeTerm}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

function Group({ definition, condition, nodes, disabled, name, ...rest }: FormProps) {
  const { onChange, onRemove, isInstant = false } = rest;
  const members = membersOf(condition);
  const operator = textOf(condition, "operator") ?? "AND";
  const replace = (place: number, member: Operand) =>
    onChange(withMember(condition, place, member));
  return (
    <div className="design-condition group" data-testid={name}>
      <Field label={c.joint}>
        <select
          value={operator}
          disabled={disabled}
          onChange={({ target }) => onChange(withField(condition, "operator", target.value))}
          data-testid={`${name}-joint`}
        >
          {JOINTS.map((joint) => (
            <option key={joint} value={joint}>
              {c.joints[joint]}
            </option>
          ))}
        </select>
      </Field>
      <ul className="design-members">
        {members.map((member, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: members have no other name
          <li key={place}>
            {member.is === "condition" ? (
              <ConditionForm
                definition={definition}
                condition={member.condition}
                nodes={nodes}
                disabled={disabled}
                isInstant={isInstant}
                name={`${name}-${place}`}
                onChange={(next) => replace(place, { is: "condition", condition: next })}
                onRemove={() => onChange(withMembers(condition, members.toSpliced(place, 1)))}
              />
            ) : (
              <OperandForm
                label={`${c.left} ${place + 1}`}
                name={`${name}-${place}`}
                operand={member}
                kinds={["condition", "tag", "boolean", "variable"]}
                nodes={nodes}
                gateways={[]}
                variables={variablesOf(definition).map((one) => one.name)}
                disabled={disabled}
                onChange={(next) => replace(place, next)}
              />
            )}
          </li>
        ))}
      </ul>
      <Options {...{ condition, disabled, name, unit: "", isInstant, onChange }} isGroup />
      {!disabled && (
        <div className="buttons">
          <Button
            look="plain"
            onClick={() =>
              onChange(
                withMembers(condition, [
                  ...members,
                  { is: "condition", condition: NEW_COMPARISON },
                ]),
              )
            }
            data-testid={`${name}-more`}
          >
            {c.addTerm}
          </Button>
          {onRemove && (
            <Button look="plain" onClick={onRemove}>
              {t.designer.element.removeTerm}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

interface OptionsProps {
  readonly condition: Json;
  readonly disabled: boolean;
  readonly name: string;
  readonly unit: string;
  readonly isGroup?: boolean;
  readonly isInstant: boolean;
  readonly onChange: (condition: Json) => void;
}

/** How long it must hold, and how far off it may be. */
function Options(props: OptionsProps) {
  const { condition, disabled, name, unit, isGroup = false, isInstant, onChange } = props;
  const sustain = optionOf(condition, "sustain");
  const deviation = optionOf(condition, "deviation");
  return (
    <div className="design-options">
      {(!isInstant || sustain !== undefined) && (
        <DurationField
          label={c.sustain}
          hint={c.sustainHint}
          value={sustain}
          isOptional
          disabled={disabled}
          name={`${name}-sustain`}
          onValue={(value) => onChange(withOption(condition, "sustain", value))}
        />
      )}
      {(!isGroup || deviation !== undefined) && (
        <NumberField
          label={c.deviation}
          hint={c.deviationHint}
          value={deviation}
          isOptional
          unit={unit}
          disabled={disabled}
          name={`${name}-deviation`}
          onValue={(value) => onChange(withOption(condition, "deviation", value))}
        />
      )}
    </div>
  );
}
