/** A workflow simulated in place: what people and sensors do by a form, then what comes of it. */

import { useEffect, useMemo, useState } from "react";
import { useAsk } from "../../app/asking";
import { SIMULATE_FLOW } from "../../contract";
import type { PlayerProps } from "../../design/highlight";
import { type Draft, type Step, withStep } from "../../flows/script";
import { t } from "../../texts";
import { Button, Check, Field, Problem, Quiet } from "../../ui/basics";
import { FleetError } from "../../wamp/errors";
import { parseWorkflow, type Workflow } from "../../workflow/definition";
import { ScriptForm } from "./ScriptForm";
import { SimulationResult } from "./SimulationResult";
import "./flows.css";

const words = t.flows.simulate;
const SETTLE_MS = 400; // after an edit
const BEGINNING: Draft = { atText: "0", deed: "tags", element: "", valueText: "" };

export function Simulate({ definition, onHighlight }: PlayerProps) {
  const settled = useSettled(definition);
  const workflow = useMemo(() => drawn(settled), [settled]);
  const [script, setScript] = useState<readonly Step[]>([]);
  const [draft, setDraft] = useState<Draft>(BEGINNING);
  const [seed, setSeed] = useState<number | null>(null);
  const [untilText, setUntilText] = useState("");
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const declared = variablesOf(settled);
  const request = {
    definition: settled,
    script,
    seed,
    until_ms: secondsOf(untilText),
    variables: given(values, declared),
  };
  const { data, problem, error, isAsking, isStale } = useAsk(SIMULATE_FLOW, request, {
    keeps: true,
    isWanted: workflow !== null,
  });
  const add = (step: Step) => {
    setScript(withStep(script, step));
    setDraft({ ...draft, atText: String(step.at_s) });
  };
  if (!workflow) return <Quiet>{t.flows.one.notDrawn}</Quiet>;
  return (
    <div className="flows-simulate" data-testid="simulate" aria-busy={isAsking}>
      <ScriptForm
        workflow={workflow}
        script={script}
        draft={draft}
        onDraft={setDraft}
        onAdd={add}
        onChange={setScript}
      />
      <div className="flows-world">
        <Check
          label={words.improvise}
          checked={seed !== null}
          onChange={() => setSeed(seed === null ? 1 : null)}
          data-testid="simulate-improvise"
        />
        {seed !== null && (
          <Button onClick={() => setSeed(seed + 1)} data-testid="simulate-another">
            {words.another}
          </Button>
        )}
        <Field label={words.until} hint={words.untilHint}>
          <input
            inputMode="decimal"
            value={untilText}
            onChange={({ target }) => setUntilText(target.value)}
            data-testid="simulate-until"
          />
        </Field>
        {declared.map(({ name, value }) => (
          <Field key={name} label={name}>
            <input
              value={values[name] ?? ""}
              placeholder={value}
              onChange={({ target }) => setValues({ ...values, [name]: target.value })}
            />
          </Field>
        ))}
      </div>
      {problem && <Problem name="simulate-problem">{problem}</Problem>}
      {problem && <Flaws error={error} />}
      {!data && !problem && <Quiet>{words.asking}</Quiet>}
      {data && !problem && (
        <SimulationResult
          simulation={data}
          workflow={workflow}
          isStale={isStale}
          onAdd={add}
          onDraft={setDraft}
          onHighlight={onHighlight}
        />
      )}
    </div>
  );
}

/** What the server listed beside its sentence: findings, or flaws of the script. */
function Flaws({ error }: { error: unknown }) {
  const details = error instanceof FleetError ? error.details : {};
  const found = [details.findings, details.flaws].flatMap((one) => (Array.isArray(one) ? one : []));
  const sentences = found.map((one) => (typeof one === "string" ? one : String(one.message)));
  return sentences.length > 1 ? (
    <ul className="problem">
      {sentences.slice(1).map((one) => (
        <li key={one}>{one}</li>
      ))}
    </ul>
  ) : null;
}

/** The value once it has not changed for a while. */
function useSettled<Value>(value: Value): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function drawn(definition: unknown): Workflow | null {
  try {
    return parseWorkflow(definition);
  } catch {
    return null; // nothing is drawn yet
  }
}

function secondsOf(text: string): number | null {
  const seconds = Number(text.trim().replace(",", "."));
  return text.trim() && seconds >= 0 ? Math.round(seconds * 1000) : null;
}

function variablesOf(definition: PlayerProps["definition"]) {
  const listed = Array.isArray(definition.variables) ? definition.variables : [];
  return listed
    .filter((one) => typeof one === "object" && one !== null && typeof one.name === "string")
    .map(({ name, value }) => ({ name: String(name), value: String(value ?? "") }));
}

function given(
  values: Readonly<Record<string, string>>,
  declared: readonly { readonly name: string }[],
): Record<string, string> {
  const filled = declared.filter(({ name }) => values[name]?.trim());
  return Object.fromEntries(filled.map(({ name }) => [name, values[name] ?? ""]));
}
