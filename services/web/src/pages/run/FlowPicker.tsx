/** Which flow: install a saved one on the device, or its newer version, and start it. */

import { useCommand } from "../../app/command";
import {
  type FlowSummary,
  GET_FLOW,
  INSTALL_FLOW,
  type InstalledFlow,
  START_RUN,
} from "../../contract";
import type { DeviceStore, DeviceView } from "../../device/store";
import { hasEnded } from "../../run/progress";
import type { Link } from "../../wamp/link";

interface Props {
  readonly store: DeviceStore;
  readonly view: DeviceView;
  readonly link: Link | null;
  readonly blocked: string | null;
  readonly picked: string | null;
  readonly onPick: (flow: string | null) => void;
}

const INSTALL_TIMEOUT_MS = 90_000; // a container may have to be made

export function FlowPicker({ store, view, link, blocked, picked, onPick }: Props) {
  const { busy, problem, findings, perform } = useCommand();
  const installed = view.installed?.find(({ flow }) => flow === picked);
  const saved = view.saved.find(({ flow }) => flow === picked);
  const isActive = (view.runs ?? []).some(
    ({ flow, status }) => flow === picked && !hasEnded(status),
  );
  const ids = { device: store.device };

  const install = () =>
    perform("install", async () => {
      if (!link || !picked) return;
      const { flow, version, definition } = await link.call(GET_FLOW, { flow: picked });
      try {
        await link.call(INSTALL_FLOW, { flow, version, definition }, ids, INSTALL_TIMEOUT_MS);
      } finally {
        store.refreshInstalled();
      }
    });
  const start = () =>
    perform("start", async () => {
      if (!link || !picked) return;
      const report = await link.call(START_RUN, { flow: picked }, ids);
      store.choose(null);
      store.noteRun(report);
      onPick(null);
    });

  const isNewer = saved !== undefined && saved.version !== installed?.version;
  const canStart = installed?.state === "ready" && !isActive;
  return (
    <div className="picker">
      <fieldset className="buttons">
        <legend className="hidden">Flow to run</legend>
        <label>
          <span className="hidden">Flow</span>
          <select
            value={picked ?? ""}
            disabled={choices(view).length === 0}
            onChange={({ target }) => onPick(target.value)}
            data-testid="flow"
          >
            {picked === null && <option value="">no flow yet</option>}
            {choices(view).map((flow) => (
              <option key={flow} value={flow}>
                {flow}
              </option>
            ))}
          </select>
        </label>
        {isNewer && (
          <button
            type="button"
            data-testid="install"
            disabled={blocked !== null || busy !== null || isActive}
            aria-busy={busy === "install"}
            onClick={() => void install()}
          >
            {installLabel(installed, saved, busy === "install")}
          </button>
        )}
        <button
          type="button"
          className="primary"
          data-testid="start"
          disabled={blocked !== null || busy !== null || !canStart}
          aria-busy={busy === "start"}
          onClick={() => void start()}
        >
          Start
        </button>
      </fieldset>
      <p
        className={installed?.state === "failed" ? "problem" : "quiet"}
        data-testid="flow-state"
        data-state={installed?.state ?? "absent"}
        data-version={installed?.version}
      >
        {flowInWords(view, picked, installed)}
      </p>
      {problem && (
        <div role="alert" className="problem" data-testid="flow-problem">
          {problem}
          <ul>
            {findings.map(({ rule, element, message }) => (
              <li key={`${rule}/${element}`}>
                {element ? `${element}: ` : ""}
                {message} ({rule})
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function choices({ installed, saved }: DeviceView): string[] {
  return [...new Set([...(installed ?? []), ...saved].map(({ flow }) => flow))].sort();
}

function installLabel(
  installed: InstalledFlow | undefined,
  saved: FlowSummary | undefined,
  isBusy: boolean,
): string {
  if (isBusy) return "Installing …";
  return installed ? `Update to version ${saved?.version}` : `Install version ${saved?.version}`;
}

function flowInWords(
  view: DeviceView,
  picked: string | null,
  installed: InstalledFlow | undefined,
): string {
  if (picked === null) {
    return "No flow is saved in this project yet: `heddle flow install` saves and installs one.";
  }
  if (!view.installed) return "";
  if (!installed) return `${picked} is not installed on this device yet.`;
  const where = installed.runtime === "container" ? "container" : "process";
  switch (installed.state) {
    case "starting":
      return `Version ${installed.version} is installed, its engine is starting in a ${where}.`;
    case "ready":
      return `Version ${installed.version} is installed in a ${where}${installed.engine ? ` (${installed.engine})` : ""}.`;
    case "stopped":
      return `Version ${installed.version} is installed to be at rest.`;
    case "failed":
      return `The engine of version ${installed.version} does not come up: ${installed.detail}`;
  }
}
