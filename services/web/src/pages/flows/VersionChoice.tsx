/** Which version is looked at; the address tells. */

import { useAsk } from "../../app/asking";
import { type FlowVersion, LIST_VERSIONS } from "../../contract";
import { t } from "../../texts";

const words = t.flows.one;

interface Props {
  readonly newest: FlowVersion;
  readonly version: number;
  readonly label?: string;
  readonly name?: string; // for tests
  readonly onChange: (version: number) => void;
}

export function VersionChoice(props: Props) {
  const { newest, version, label = words.choose, name = "flow-version", onChange } = props;
  const { data } = useAsk(LIST_VERSIONS, { flow: newest.flow });
  const known = data?.versions.map((one) => one.version) ?? [newest.version];
  const all = known.includes(version) ? known : [version, ...known];
  return (
    <label className="flows-version">
      {label}{" "}
      <select
        value={version}
        onChange={({ target }) => onChange(Number(target.value))}
        data-testid={name}
      >
        {all.map((one) => (
          <option key={one} value={one}>
            {one}
            {one === newest.version ? ` (${words.newest})` : ""}
          </option>
        ))}
      </select>
    </label>
  );
}
