/** The waves of a plan, with who of them is offline. */

import type { DeploymentPreview } from "../../contract";
import { t } from "../../texts";

const words = t.deployments.form;
const MOST_WAVES = 12;
const MOST_DEVICES = 8;

interface Props {
  readonly preview: DeploymentPreview;
  readonly offline: ReadonlySet<string>;
}

export function WaveList({ preview: { waves }, offline }: Props) {
  const hidden = waves.length - MOST_WAVES;
  return (
    <ol data-testid="preview-waves" data-count={waves.length}>
      {waves.slice(0, MOST_WAVES).map(({ devices, online }, number) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a wave is its number
        <li key={number} data-testid="preview-wave" data-devices={devices.length}>
          {words.wave(number + 1, devices.length, devices.length - online)}
          <div className="names quiet">
            <Names devices={devices} offline={offline} />
          </div>
        </li>
      ))}
      {hidden > 0 && <li className="quiet">{words.moreWaves(hidden)}</li>}
    </ol>
  );
}

/** The first of them; those who are offline before the others, for they matter. */
function Names({
  devices,
  offline,
}: {
  readonly devices: readonly string[];
  readonly offline: ReadonlySet<string>;
}) {
  const away = devices.filter((device) => offline.has(device));
  const here = devices.filter((device) => !offline.has(device));
  const shown = [...away, ...here].slice(0, MOST_DEVICES);
  const hidden = devices.length - shown.length;
  return (
    <>
      {shown.map((device, at) => (
        <span key={device}>
          {at > 0 && ", "}
          {device}
          {offline.has(device) && <span className="off"> {words.offlineMark}</span>}
        </span>
      ))}
      {hidden > 0 && ` ${words.moreDevices(hidden)}`}
    </>
  );
}
