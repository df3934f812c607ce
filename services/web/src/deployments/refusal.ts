/** A refused deployment: which sentence belongs beside which field of its form. Pure. */

import { ERRORS } from "../contract";
import { FleetError, sentenceOf } from "../wamp/errors";
import { type Faults, type Form, OF_STRATEGY, WRITTEN } from "./form";
import type { Variable } from "./variables";

export interface Refusal {
  readonly faults: Faults; // by field
  readonly sentence: string | null; // what belongs beside no field
  readonly conflict: string | null; // the deployment that stands in the way
}

export const NOTHING_REFUSED: Refusal = { faults: {}, sentence: null, conflict: null };

/** The first of these fields that is shown. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  [ERRORS.NoTargets]: ["labels", "targets"],
  [ERRORS.DeviceNotFound]: ["targets"],
  [ERRORS.SelectorInvalid]: ["labels", "variables"],
  [ERRORS.FlowNotFound]: ["flow"],
  [ERRORS.ReleaseNotFound]: ["flow"],
  [ERRORS.FlowArchived]: ["flow"],
  [ERRORS.FlowInvalid]: ["flow"],
};

/** `fields` are those that the form shows: what is said of others is told apart. */
export function refusalOf(error: unknown, fields: ReadonlySet<string>): Refusal {
  if (!error) return NOTHING_REFUSED;
  if (!(error instanceof FleetError)) return { ...NOTHING_REFUSED, sentence: sentenceOf(error) };
  if (error.uri === ERRORS.StrategyInvalid) return settingsRefused(error, fields);
  if (error.uri === ERRORS.VariableInvalid) {
    const name = `variable ${String(error.details.name ?? "")}`;
    return {
      ...NOTHING_REFUSED,
      faults: { [fields.has(name) ? name : "variables"]: error.message },
    };
  }
  if (error.uri === ERRORS.DeploymentConflict) {
    const other = error.details.deployment;
    const conflict = typeof other === "string" ? other : null;
    return { faults: {}, sentence: error.message, conflict };
  }
  const field = BESIDE[error.uri]?.find((one) => fields.has(one));
  return field
    ? { ...NOTHING_REFUSED, faults: { [field]: error.message } }
    : { ...NOTHING_REFUSED, sentence: error.message };
}

/** `timeout: 5s leaves nothing after watch (30s)` is said beside the timeout. */
function settingsRefused(error: FleetError, fields: ReadonlySet<string>): Refusal {
  const listed = error.details.findings;
  const findings: readonly unknown[] = Array.isArray(listed) ? listed : [error.message];
  const faults: Record<string, string> = {};
  const rest: string[] = [];
  for (const finding of findings.map(String)) {
    const [, name = "", said = ""] = /^(\w+)(?:, [^:]*)?: (.*)$/s.exec(finding) ?? [];
    if (!fields.has(name)) rest.push(finding);
    else faults[name] = faults[name] ? `${faults[name]}; ${said}` : said;
  }
  return { faults, sentence: rest.join("; ") || null, conflict: null };
}

/** The fields that a form shows now. */
export function fieldsOf(form: Form, variables: readonly Variable[]): ReadonlySet<string> {
  const settings = WRITTEN.filter((name) => (OF_STRATEGY[name] ?? form.strategy) === form.strategy);
  return new Set([
    "flow",
    "targets",
    "windows",
    "variables",
    ...(form.who === "labels" ? ["labels"] : []),
    ...(form.when === "at" ? ["start_at_ms"] : []),
    ...settings,
    ...variables.map(({ name }) => `variable ${name}`),
  ]);
}
