/** Which release: only what is published can be deployed. */

import type { FlowSummary, Release } from "../../contract";
import { t } from "../../texts";
import { Field, Moment, Quiet } from "../../ui/basics";
import type { FormPart } from "./part";

const words = t.deployments.form;

interface Props extends FormPart {
  readonly flows: readonly FlowSummary[] | null;
  readonly releases: readonly Release[] | null;
}

export function ReleaseFields({ form, faults, change, flows, releases }: Props) {
  if (flows?.length === 0) {
    return (
      <Quiet name="no-flows">
        {words.noFlows} <a href="#/flows">{words.toFlows}</a>
      </Quiet>
    );
  }
  const newest = releases?.[0];
  const chosen = form.version === null ? newest : releases?.find(isVersion(form.version));
  const isKnown = flows?.some(({ flow }) => flow === form.flow);
  return (
    <div className="deployments-fields">
      <div className="deployments-pair">
        <Field label={words.flow} problem={faults.flow}>
          <select
            value={form.flow}
            onChange={({ target }) =>
              change({
                flow: target.value,
                version: null,
                variables: {},
                labelVariables: [],
                deviceVariables: [],
              })
            }
            data-testid="new-flow"
          >
            <option value="">{words.chooseFlow}</option>
            {form.flow && !isKnown && <option value={form.flow}>{form.flow}</option>}
            {flows?.map(({ flow, name }) => (
              <option key={flow} value={flow}>
                {name && name !== flow ? `${flow} – ${name}` : flow}
              </option>
            ))}
          </select>
        </Field>
        <Field label={words.version}>
          <select
            value={form.version ?? ""}
            onChange={({ target }) =>
              change({ version: target.value ? Number(target.value) : null })
            }
            disabled={!releases?.length}
            data-testid="new-version"
          >
            <option value="">{newest ? words.newest(newest.version) : ""}</option>
            {releases?.map(({ version }) => (
              <option key={version} value={version}>
                {version}
              </option>
            ))}
          </select>
        </Field>
      </div>
      {chosen && <AboutRelease release={chosen} />}
    </div>
  );
}

const isVersion = (version: number) => (one: Release) => one.version === version;

function AboutRelease({ release }: { readonly release: Release }) {
  const { published_by, published_at_ms, note, warnings } = release;
  return (
    <>
      <p className="quiet">
        {words.publishedBy(published_by)}, <Moment ms={published_at_ms} />
        {note && ` – ${note}`}
      </p>
      {warnings.length > 0 && (
        <div className="deployments-warning">
          {words.unproved}
          <ul>
            {warnings.map(({ rule, element, message }) => (
              <li key={`${rule} ${element} ${message}`}>{message}</li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}
