/** The chosen element: what it does in words, its fields as a form, where it leads. */

import { useState } from "react";
import type { CheckedFinding } from "../../contract";
import { isFull, mayLead, refusal } from "../../design/connect";
import {
  isConditional,
  isLink,
  isListener,
  isPhase,
  linksFrom,
  listenersOn,
  type Part,
  partOf,
  shapesOf,
  textOf,
  typeOf,
} from "../../design/document";
import {
  asBranch,
  BRANCHES,
  type Branch,
  bind,
  connect,
  moveLink,
  rename,
  setField,
  setType,
} from "../../design/edits";
import { maySit } from "../../design/geometry";
import { DISPATCHERS, GATEWAYS, LISTENERS } from "../../design/rules";
import { t } from "../../texts";
import { Button, Check, Field, Quiet } from "../../ui/basics";
import type { Nodes } from "../../workflow/words";
import { ConditionForm } from "./ConditionForm";
import { FindingList } from "./FindingsPanel";
import { DurationField } from "./inputs";
import { SetpointsForm } from "./SetpointsForm";
import { nameOf, sentencesOf } from "./sentences";
import type { Design } from "./useDesign";

const e = t.designer.element;
const TYPES: Readonly<Record<string, readonly string[]>> = {
  EVENT_LISTENER: LISTENERS,
  GATEWAY: GATEWAYS,
  EVENT_DISPATCHER: DISPATCHERS,
};

export interface ElementProps {
  readonly design: Design;
  readonly nodes: Nodes;
  readonly isReadOnly: boolean;
  readonly findings: readonly CheckedFinding[];
  readonly onPlay: (finding: CheckedFinding) => void;
  readonly onRemove: () => void;
  readonly onDuplicate: () => void;
}

export function ElementPanel(props: ElementProps) {
  const { design, onRemove, onDuplicate, isReadOnly } = props;
  const { definition, chosen } = design;
  const [only] = chosen;
  if (only === undefined) return <Quiet name="nothing-chosen">{e.none}</Quiet>;
  const buttons = !isReadOnly && (
    <div className="buttons">
      <Button onClick={onDuplicate} data-testid="duplicate">
        {e.duplicate}
      </Button>
      <Button onClick={onRemove} data-testid="remove">
        {e.remove}
      </Button>
    </div>
  );
  if (chosen.size > 1) {
    return (
      <div className="design-form">
        <Quiet>{e.several(chosen.size)}</Quiet>
        {buttons}
      </div>
    );
  }
  const part = partOf(definition, only);
  if (!part) return <Quiet>{e.none}</Quiet>;
  return (
    <div className="design-form" data-testid="element-panel" data-element-id={part.id}>
      <h3>{nameOf(part)}</h3>
      <p data-testid="sentence">{sentencesOf(definition, part, props.nodes)}</p>
      <FindingList
        findings={props.findings.filter(({ element }) => element === part.id)}
        onPlay={props.onPlay}
      />
      {isLink(part) ? (
        <LinkForm key={part.id} {...props} part={part} />
      ) : (
        <ShapeForm key={part.id} {...props} part={part} />
      )}
      {buttons}
    </div>
  );
}

type FormProps = ElementProps & { readonly part: Part };

function ShapeForm(props: FormProps) {
  const { design, part, nodes, isReadOnly } = props;
  const { definition } = design;
  const set = (name: string, value: unknown) =>
    design.edit((was) => setField(was, part.id, name, value), `${part.id}.${name}`);
  const types = TYPES[part.elementType] ?? [];
  const hasCondition = typeOf(part) === "CONDITION" || isConditional(part);
  return (
    <>
      <IdField {...props} />
      {types.length > 0 && (
        <Field label={e.type}>
          <select
            value={typeOf(part)}
            disabled={isReadOnly}
            onChange={({ target }) => design.edit((was) => setType(was, part.id, target.value))}
            data-testid="element-type"
          >
            {types.map((type) => (
              <option key={type} value={type}>
                {t.designer.kinds[type as keyof typeof t.designer.kinds]}
              </option>
            ))}
          </select>
        </Field>
      )}
      {types.length === 0 && !isPhase(part) && <Quiet>{e.unknown(part.elementType)}</Quiet>}
      {maySit(part) && <Binding {...props} />}
      {typeOf(part) === "TIMER" && (
        <DurationField
          label={e.duration}
          hint={e.durationHint}
          value={part.durationInMS ?? 0}
          disabled={isReadOnly}
          name="duration"
          onValue={(value) => set("durationInMS", value)}
        />
      )}
      {hasCondition && (
        <fieldset>
          <legend>{e.condition}</legend>
          <ConditionForm
            definition={definition}
            condition={part.condition}
            isInstant={isConditional(part)}
            nodes={nodes}
            disabled={isReadOnly}
            onChange={(condition) => set("condition", condition)}
          />
        </fieldset>
      )}
      {isPhase(part) && <SetpointsForm {...props} />}
      {isPhase(part) && <Listeners {...props} />}
      {mayLead(part.elementType) && <Leads {...props} />}
      {part.elementType === "EVENT_DISPATCHER" && <Quiet>{e.endsHere}</Quiet>}
    </>
  );
}

function IdField({ design, part, isReadOnly }: FormProps) {
  const [typed, setTyped] = useState(part.id);
  const isTaken = typed !== part.id && partOf(design.definition, typed) !== undefined;
  function commit() {
    const next = typed.trim();
    if (next === part.id || next === "" || isTaken) return;
    const places = new Map(
      [...design.places].map(([id, at]) => [id === part.id ? next : id, at] as const),
    );
    design.put(rename(design.definition, part.id, next), places);
    design.choose([next]);
  }
  return (
    <Field label={e.id} problem={isTaken ? e.idTaken : typed.trim() === "" ? e.idEmpty : null}>
      <input
        value={typed}
        disabled={isReadOnly}
        spellCheck={false}
        onChange={({ target }) => setTyped(target.value)}
        onBlur={commit}
        onKeyDown={({ key }) => key === "Enter" && commit()}
        data-testid="element-id"
      />
    </Field>
  );
}

/** Which phase a listener belongs to, and whether it ends it. */
function Binding({ design, part, isReadOnly }: FormProps) {
  const { definition } = design;
  const bound = textOf(part, "phaseId");
  const phases = shapesOf(definition)
    .filter(isPhase)
    .map(({ id }) => id);
  const choices = bound === null || phases.includes(bound) ? phases : [bound, ...phases];
  return (
    <>
      <Field label={e.phase}>
        <select
          value={bound ?? ""}
          disabled={isReadOnly}
          onChange={({ target }) => design.edit((was) => bind(was, part.id, target.value || null))}
          data-testid="element-phase"
        >
          <option value="">{e.noPhase}</option>
          {choices.map((id) => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
        </select>
      </Field>
      {bound !== null && (
        <Check
          label={e.interrupting}
          checked={part.interrupting !== false}
          disabled={isReadOnly}
          onChange={({ target }) =>
            design.edit((was) =>
              setField(was, part.id, "interrupting", target.checked ? undefined : false),
            )
          }
          data-testid="interrupting"
        />
      )}
    </>
  );
}

function Listeners({ design, part }: FormProps) {
  const listeners = listenersOn(design.definition, part.id);
  return (
    <fieldset>
      <legend>{e.listeners}</legend>
      {listeners.length === 0 && <Quiet>{e.noListeners}</Quiet>}
      <ul className="design-list">
        {listeners.map((one) => (
          <li key={one.id}>
            <Button look="plain" onClick={() => design.choose([one.id])}>
              {nameOf(one)}
            </Button>
          </li>
        ))}
      </ul>
    </fieldset>
  );
}

/** The links that leave an element, and how to draw one without a pointer. */
function Leads({ design, part, isReadOnly }: FormProps) {
  const { definition } = design;
  const links = linksFrom(definition, part.id);
  const branchOf = (link: Part) => BRANCHES.find((name) => part[name] === link.id);
  const targets = shapesOf(definition).filter(
    ({ id }) => refusal(definition, part.id, id) === null,
  );
  const free = isConditional(part)
    ? BRANCHES.filter((name) => !links.some(({ id }) => id === part[name]))
    : [];
  const offers = isConditional(part) ? free.length > 0 : !isFull(definition, part.id);
  return (
    <fieldset data-testid="leads-to">
      <legend>{e.leadsTo}</legend>
      {links.length === 0 && <Quiet>{e.leadsNowhere}</Quiet>}
      <ul className="design-list">
        {links.map((link) => {
          const target = partOf(definition, String(link.destId));
          const branch = branchOf(link);
          return (
            <li key={link.id}>
              {branch && <span className="quiet">{t.designer.branchNames[branch]}</span>}
              <Button look="plain" onClick={() => design.choose([link.id])}>
                {target ? nameOf(target) : String(link.destId)}
              </Button>
            </li>
          );
        })}
      </ul>
      {!isReadOnly && offers && (
        <div className="design-form">
          {(free.length ? free : [null]).map((branch) => (
            <select
              key={branch ?? "any"}
              aria-label={branch ? t.designer.branchNames[branch] : e.connectTo}
              value=""
              onChange={({ target }) =>
                design.edit((was) => connect(was, part.id, target.value, branch))
              }
              data-testid="connect-to"
              data-branch={branch}
            >
              <option value="">
                {branch ? `${t.designer.branchNames[branch]}: ${e.connectTo}` : e.connectTo}
              </option>
              {targets.map((one) => (
                <option key={one.id} value={one.id}>
                  {nameOf(one)}
                </option>
              ))}
            </select>
          ))}
        </div>
      )}
    </fieldset>
  );
}

function LinkForm({ design, part, isReadOnly }: FormProps) {
  const { definition } = design;
  const [from, to] = [String(part.srcId), String(part.destId)];
  const shapes = shapesOf(definition);
  const source = partOf(definition, from);
  const move = (source: string, target: string) =>
    design.edit((was) => moveLink(was, part.id, source, target));
  const sources = shapes.filter(
    ({ id }) => id === from || refusal(definition, id, to, part.id) === null,
  );
  const targets = shapes.filter(
    ({ id }) => id === to || refusal(definition, from, id, part.id) === null,
  );
  return (
    <>
      <Field label={e.from}>
        <select
          value={from}
          disabled={isReadOnly}
          onChange={({ target }) => move(target.value, to)}
          data-testid="link-from"
        >
          {sources.map((one) => (
            <option key={one.id} value={one.id}>
              {nameOf(one)}
            </option>
          ))}
        </select>
      </Field>
      <Field label={e.to}>
        <select
          value={to}
          disabled={isReadOnly}
          onChange={({ target }) => move(from, target.value)}
          data-testid="link-to"
        >
          {targets.map((one) => (
            <option key={one.id} value={one.id}>
              {nameOf(one)}
            </option>
          ))}
        </select>
      </Field>
      {source && isConditional(source) && (
        <Field label={e.branch}>
          <select
            value={BRANCHES.find((name) => source[name] === part.id) ?? ""}
            disabled={isReadOnly}
            onChange={({ target }) =>
              design.edit((was) => asBranch(was, part.id, target.value as Branch))
            }
            data-testid="link-branch"
          >
            <option value="" disabled>
              {e.noBranch}
            </option>
            {BRANCHES.map((name) => (
              <option key={name} value={name}>
                {t.designer.branchNames[name]}
              </option>
            ))}
          </select>
        </Field>
      )}
      {source && isListener(source) && (
        <Button look="plain" onClick={() => design.choose([from])}>
          {nameOf(source)}
        </Button>
      )}
    </>
  );
}
