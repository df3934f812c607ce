/** What is told about the flow beside its drawing, and whose tags the forms offer. */

import { t } from "../../texts";
import { Field } from "../../ui/basics";
import { Typed } from "./inputs";
import type { About } from "./useSaving";

const a = t.designer.about;

interface Props {
  readonly about: About;
  readonly isReadOnly: boolean;
  readonly devices: readonly string[];
  readonly device: string | null;
  readonly onAbout: (about: About) => void;
  readonly onDevice: (device: string | null) => void;
}

export function AboutPanel({ about, isReadOnly, devices, device, onAbout, onDevice }: Props) {
  return (
    <div className="design-form" data-testid="about">
      <Field label={a.name}>
        <input
          value={about.name}
          disabled={isReadOnly}
          onChange={({ target }) => onAbout({ ...about, name: target.value })}
          data-testid="flow-name"
        />
      </Field>
      <Field label={a.description}>
        <textarea
          value={about.description}
          disabled={isReadOnly}
          onChange={({ target }) => onAbout({ ...about, description: target.value })}
        />
      </Field>
      <Field label={a.labels} hint={a.labelsHint}>
        <Typed<readonly string[]>
          value={about.labels}
          write={(labels) => labels.join(", ")}
          read={(text) => [
            ...new Set(
              text
                .split(",")
                .map((one) => one.trim())
                .filter(Boolean),
            ),
          ]}
          onValue={(labels) => onAbout({ ...about, labels })}
          disabled={isReadOnly}
          data-testid="flow-labels"
        />
      </Field>
      <Field label={a.tagsOf} hint={a.tagsHint}>
        <select
          value={device ?? ""}
          onChange={({ target }) => onDevice(target.value || null)}
          data-testid="tags-of"
        >
          <option value="">{a.noDevice}</option>
          {devices.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </Field>
      <section>
        <h3>{t.designer.keys.label}</h3>
        <dl className="keys">
          {t.designer.keys.rows.map(([key, what]) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      </section>
    </div>
  );
}
