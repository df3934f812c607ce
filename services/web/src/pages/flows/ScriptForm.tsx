/** What people and sensors do in a simulation: a list, and a form for the next step. */

import { nodeName } from "../../flows/naming";
import {
  DEEDS,
  type Deed,
  type Draft,
  deedOf,
  listenersFor,
  nodesRead,
  type Step,
  stepOf,
} from "../../flows/script";
import { t } from "../../texts";
import { Button, Field, Quiet } from "../../ui/basics";
import type { Workflow } from "../../workflow/definition";
import { duration, type Nodes, short } from "../../workflow/words";
import { useNodes } from "./useNodes";

const words = t.flows.simulate;

interface Props {
  readonly workflow: Workflow;
  readonly script: readonly Step[];
  readonly draft: Draft;
  readonly onDraft: (draft: Draft) => void;
  readonly onAdd: (step: Step) => void;
  readonly onChange: (script: readonly Step[]) => void;
}

export function ScriptForm({ workflow, script, draft, onDraft, onAdd, onChange }: Props) {
  const nodes = useNodes();
  const chosen = withElement(draft, workflow);
  const step = stepOf(chosen);
  return (
    <section className="flows-script" aria-label={words.script}>
      <h3>{words.script}</h3>
      <Quiet>{words.scriptHint}</Quiet>
      {script.length > 0 && (
        <ol data-testid="script">
          {script.map((one, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: equal steps are told by their place
            <li key={place} data-testid="script-step">
              <span>{stepText(one, nodes)}</span>
              <Button
                look="plain"
                aria-label={words.remove(stepText(one, nodes))}
                onClick={() => onChange(script.filter((_, other) => other !== place))}
              >
                ×
              </Button>
            </li>
          ))}
        </ol>
      )}
      <form
        className="flows-step"
        onSubmit={(event) => {
          event.preventDefault();
          if (step) onAdd(step);
        }}
      >
        <Field label={words.at}>
          <input
            inputMode="decimal"
            value={draft.atText}
            onChange={({ target }) => onDraft({ ...draft, atText: target.value })}
            data-testid="script-at"
          />
        </Field>
        <Field label={words.deed}>
          <select
            value={draft.deed}
            onChange={({ target }) =>
              onDraft({ ...draft, deed: target.value as Deed, element: "", valueText: "" })
            }
            data-testid="script-deed"
          >
            {DEEDS.map((deed) => (
              <option key={deed} value={deed}>
                {words.deeds[deed]}
              </option>
            ))}
          </select>
        </Field>
        <What draft={chosen} workflow={workflow} nodes={nodes} onDraft={onDraft} />
        <Button type="submit" disabled={!step} data-testid="script-add">
          {words.add}
        </Button>
      </form>
    </section>
  );
}

/** The fields of the chosen deed. */
function What({
  draft,
  workflow,
  nodes,
  onDraft,
}: {
  readonly draft: Draft;
  readonly workflow: Workflow;
  readonly nodes: Nodes;
  readonly onDraft: (draft: Draft) => void;
}) {
  const { deed, element, valueText } = draft;
  if (deed === "pause" || deed === "resume") return null;
  if (deed === "stop") {
    return (
      <Field label={words.stopMode}>
        <select
          value={valueText || "soft"}
          onChange={({ target }) => onDraft({ ...draft, valueText: target.value })}
        >
          <option value="soft">{words.soft}</option>
          <option value="hard">{words.hard}</option>
        </select>
      </Field>
    );
  }
  return (
    <>
      <Field label={deed === "tags" ? words.node : words.listener}>
        <select
          value={element}
          onChange={({ target }) => onDraft({ ...draft, element: target.value })}
          data-testid="script-element"
        >
          {elementsFor(workflow, deed).map(({ id, label }) => (
            <option key={id} value={id}>
              {nodeName(label, nodes)}
            </option>
          ))}
        </select>
      </Field>
      {deed === "tags" && (
        <Field label={words.value}>
          <input
            value={valueText}
            placeholder={words.valueHint}
            onChange={({ target }) => onDraft({ ...draft, valueText: target.value })}
            data-testid="script-value"
          />
        </Field>
      )}
    </>
  );
}

function elementsFor(workflow: Workflow, deed: Deed) {
  return deed === "tags"
    ? nodesRead(workflow).map((node) => ({ id: node, label: node }))
    : listenersFor(workflow, deed);
}

/** The draft as the form shows it: the first element where none is chosen. */
function withElement(draft: Draft, workflow: Workflow): Draft {
  if (!["tags", "approve", "trigger"].includes(draft.deed)) return draft;
  const known = elementsFor(workflow, draft.deed);
  const isKnown = known.some(({ id }) => id === draft.element);
  return isKnown ? draft : { ...draft, element: known[0]?.id ?? "" };
}

function stepText(step: Step, nodes: Nodes): string {
  const deed = deedOf(step);
  const given = step[deed];
  const after = words.after(duration(step.at_s * 1000));
  if (deed === "tags") {
    const [[node, value] = ["", ""]] = Object.entries(given as Record<string, unknown>);
    return `${after}: ${nodeName(node, nodes)} = ${value === null ? "–" : String(value)}`;
  }
  const what = given === true ? "" : ` ${short(String(given))}`;
  return `${after}: ${words.deeds[deed]}${what}`;
}
