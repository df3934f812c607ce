/** What a phase sets: inputs of the device, their values, their units. */

import { operandOf, writtenOperand } from "../../design/conditions";
import { type Part, variablesOf } from "../../design/document";
import { change, withField } from "../../design/edits";
import {
  addSetpoint,
  changeSetpoint,
  type Placed,
  removeSetpoint,
  setpointsOf,
} from "../../design/setpoints";
import { t } from "../../texts";
import { Button, Quiet } from "../../ui/basics";
import type { ElementProps } from "./ElementPanel";
import { firstFor, OperandForm } from "./OperandForm";

const e = t.designer.element;
const KINDS = ["number", "text", "boolean", "variable"] as const;

export function SetpointsForm(props: ElementProps & { readonly part: Part }) {
  const { design, part, nodes, isReadOnly } = props;
  const setpoints = setpointsOf(part);
  const variables = variablesOf(design.definition).map(({ name }) => name);
  const edit = (next: (phase: Part) => Part, group?: string) =>
    design.edit((was) => change(was, part.id, next), group);
  function setNode(placed: Placed, node: string) {
    const { target } = placed.target;
    const tag = nodes.get(node);
    const fits = target !== undefined && (!tag || kindFits(tag.type, target));
    const next = withField(placed.target, "inputNodeId", node);
    edit(
      (phase) => changeSetpoint(phase, placed, fits ? next : { ...next, target: firstFor(tag) }),
      `${part.id}.node.${placed.command}.${placed.place}`,
    );
  }
  return (
    <fieldset data-testid="setpoints">
      <legend>{e.setpoints}</legend>
      {setpoints.length === 0 && <Quiet>{e.noSetpoints}</Quiet>}
      {setpoints.map((placed) => {
        const { command, place, target } = placed;
        const key = `${command}.${place}`;
        return (
          <div key={key} className="design-setpoint" data-testid="setpoint">
            <input
              aria-label={e.node}
              placeholder={e.node}
              list="design-inputs"
              value={String(target.inputNodeId ?? "")}
              disabled={isReadOnly}
              onChange={(event) => setNode(placed, event.target.value)}
              data-testid="setpoint-node"
            />
            <OperandForm
              label={e.target}
              name="setpoint-target"
              operand={operandOf(target.target)}
              kinds={KINDS}
              nodes={nodes}
              gateways={[]}
              variables={variables}
              unit={nodes.get(target.inputNodeId)?.unit ?? ""}
              disabled={isReadOnly}
              onChange={(operand) =>
                edit(
                  (phase) =>
                    changeSetpoint(phase, placed, {
                      ...target,
                      target: writtenOperand(operand) ?? 0,
                    }),
                  `${part.id}.target.${key}`,
                )
              }
            />
            {!isReadOnly && (
              <Button
                look="plain"
                aria-label={e.removeSetpoint(String(target.inputNodeId))}
                onClick={() => edit((phase) => removeSetpoint(phase, placed))}
                data-testid="remove-setpoint"
              >
                {e.removeTerm}
              </Button>
            )}
          </div>
        );
      })}
      {!isReadOnly && (
        <Button
          onClick={() => edit((phase) => addSetpoint(phase, { inputNodeId: "", target: 0 }))}
          data-testid="add-setpoint"
        >
          {e.addSetpoint}
        </Button>
      )}
    </fieldset>
  );
}

function kindFits(type: string, target: unknown): boolean {
  if (operandOf(target).is === "variable") return true;
  if (type === "boolean") return typeof target === "boolean";
  if (type === "text") return typeof target === "string";
  return typeof target === "number";
}
