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
import { t } from "../../texts";
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
        <legend className="hidden">{t.run.flowToRun}</legend>
        <label>
          <span className="hidden">{t.run.flow}</span>
          <select
            value={picked ?? ""}
            disabled={choices(view).length === 0}
            onChange={({ target }) => onPick(target.value)}
            data-testid="flow"
          >
            {picked === null && <option value="">{t.run.noFlowYet}</option>}
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
          {t.run.start}
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
              <li key={`${rule}/${element}`}>{t.run.finding(element, message, rule)}</li>
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
  if (isBusy) return t.run.installing;
  const version = saved?.version ?? 0;
  return installed ? t.run.updateTo(version) : t.run.installVersion(version);
}

function flowInWords(
  view: DeviceView,
  picked: string | null,
  installed: InstalledFlow | undefined,
): string {
  if (picked === null) return t.run.noFlowSaved;
  if (!view.installed) return "";
  if (!installed) return t.run.notInstalled(picked);
  const where = installed.runtime === "container" ? t.run.container : t.run.process;
  switch (installed.state) {
    case "starting":
      return t.run.starting(installed.version, where);
    case "ready":
      return t.run.installedIn(installed.version, where, installed.engine);
    case "stopped":
      return t.run.atRest(installed.version);
    case "failed":
      return t.run.fails(installed.version, installed.detail);
  }
}
