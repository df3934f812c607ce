/** How it goes from device to device, and when it begins. */

import { type StrategyConfig, StrategyKind } from "../../contract";
import { durationText } from "../../deployments/durations";
import { atMs, OF_STRATEGY, type When, WRITTEN, type Written } from "../../deployments/form";
import { t } from "../../texts";
import { Check, Field } from "../../ui/basics";
import { useNow } from "../../ui/hooks";
import { Choice } from "./Choice";
import type { FormPart } from "./part";

const words = t.deployments.form;
const STRATEGIES = Object.values(StrategyKind);
const WHENS: readonly When[] = ["now", "at", "later"];

export interface SettingsPart extends FormPart {
  readonly config: StrategyConfig | undefined; // as it would be in force
}

export function StrategyFields({ form, faults, change, config }: SettingsPart) {
  const own = WRITTEN.filter((name) => OF_STRATEGY[name] === form.strategy);
  return (
    <div className="deployments-fields">
      <Choice
        legend={words.strategy}
        name="strategy"
        options={STRATEGIES}
        names={t.deployments.strategy}
        value={form.strategy}
        onChange={(strategy) => change({ strategy })}
      />
      <p className="quiet">{words.strategyHint[form.strategy]}</p>
      <div className="deployments-pair">
        {[...own, "failure_threshold" as const].map((name) => (
          <Setting key={name} {...{ form, faults, change, config, name }} />
        ))}
      </div>
    </div>
  );
}

/** A setting that is written; what stands in it while it is empty is its default. */
export function Setting({
  form,
  faults,
  change,
  config,
  name,
}: SettingsPart & { readonly name: Written }) {
  const standard = form.written[name] === "" ? config?.[name] : undefined;
  const isNothing = standard === undefined || standard === null || standard === 0;
  return (
    <Field label={words.written[name]} hint={words.hints[name]} problem={faults[name]}>
      <input
        value={form.written[name]}
        placeholder={isNothing ? "" : String(standard)}
        onChange={({ target }) => change({ written: { ...form.written, [name]: target.value } })}
        inputMode={name === "batch_size" || name === "max_in_flight" ? "numeric" : undefined}
        spellCheck={false}
        autoCapitalize="none"
        autoComplete="off"
        data-testid={`new-${name}`}
      />
    </Field>
  );
}

export function BeginFields({ form, faults, change }: FormPart) {
  const now = useNow(10_000);
  const ms = form.when === "at" ? atMs(form.at) : null;
  return (
    <div className="deployments-fields">
      <Choice
        legend={words.begins}
        name="when"
        options={WHENS}
        names={words.when}
        value={form.when}
        onChange={(when) => change({ when })}
      />
      {form.when === "at" && (
        <Field
          label={words.at}
          problem={faults.start_at_ms}
          hint={ms === null ? null : ms <= now ? words.atPast : atHint(ms, now)}
        >
          <input
            type="datetime-local"
            value={form.at}
            onChange={({ target }) => change({ at: target.value })}
            data-testid="new-at"
          />
        </Field>
      )}
      <Check
        label={words.marked.needs_approval}
        checked={form.marked.needs_approval}
        onChange={({ target }) =>
          change({ marked: { ...form.marked, needs_approval: target.checked } })
        }
        data-testid="new-needs_approval"
      />
      <Field label={words.note} hint={words.noteHint}>
        <input
          value={form.note}
          maxLength={200}
          onChange={({ target }) => change({ note: target.value })}
          data-testid="new-note"
        />
      </Field>
    </div>
  );
}

const atHint = (ms: number, now: number) =>
  words.atUtc(new Date(ms).toISOString().slice(0, 16).replace("T", " "), durationText(ms - now));
