/** The flows on the device: installed, removed. */

import { useState } from "react";
import { useMay, useTell } from "../../app/asking";
import { ConfirmDialog } from "../../app/ConfirmDialog";
import { useCommand } from "../../app/command";
import { address } from "../../app/routes";
import {
  type FlowState,
  GET_FLOW,
  INSTALL_FLOW,
  type InstalledFlow,
  REMOVE_FLOW,
} from "../../contract";
import { t } from "../../texts";
import { Button, Field, Panel, Problem, Quiet, Status, type Tone } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { type Column, Table } from "../../ui/Table";
import { useToast } from "../../ui/toasts";
import type { PartProps } from "./parts";

const INSTALL_TIMEOUT_MS = 90_000; // a container may have to be made
export const FLOW_TONES: Readonly<Record<FlowState, Tone>> = {
  starting: "act",
  ready: "normal",
  failed: "bad",
  stopped: "quiet",
};
const words = t.device.flows;

export function InstalledFlows(props: PartProps) {
  const { device, view, isOnline, isStale } = props;
  const [removed, setRemoved] = useState<string | null>(null);
  const [isInstalling, setInstalling] = useState(false);
  const mayRemove = useMay(REMOVE_FLOW) && isOnline !== false;
  const columns: readonly Column<InstalledFlow>[] = mayRemove
    ? [
        ...COLUMNS,
        {
          id: "remove",
          title: "",
          width: "6rem",
          cell: ({ flow }) => (
            <Button
              look="plain"
              aria-label={words.removeLabel(flow)}
              onClick={() => setRemoved(flow)}
              data-testid="remove-flow"
            >
              {words.remove}
            </Button>
          ),
        },
      ]
    : COLUMNS;
  return (
    <Panel
      title={words.title}
      name="installed"
      isStale={isStale}
      actions={
        useMay(INSTALL_FLOW) && (
          <Button
            disabled={isOnline === false}
            onClick={() => setInstalling(true)}
            data-testid="install-flow"
          >
            {words.install}
          </Button>
        )
      }
    >
      {view.problems.installed && <Problem>{view.problems.installed}</Problem>}
      {view.installed?.length === 0 && <Quiet>{words.none}</Quiet>}
      {view.installed && view.installed.length > 0 && (
        <Table
          label={words.title}
          name="flow"
          columns={columns}
          rows={view.installed}
          keyOf={({ flow }) => flow}
          data={({ flow, state }) => ({ "data-flow": flow, "data-state": state })}
        />
      )}
      {removed && (
        <RemoveDialog
          key={removed}
          device={device}
          flow={removed}
          onDone={() => props.store.refreshInstalled()}
          onClose={() => setRemoved(null)}
        />
      )}
      {isInstalling && <InstallDialog {...props} onClose={() => setInstalling(false)} />}
    </Panel>
  );
}

const COLUMNS: readonly Column<InstalledFlow>[] = [
  {
    id: "flow",
    title: words.columns.flow,
    width: "minmax(7rem, 1.4fr)",
    cell: ({ flow }) => <a href={address(["flows", flow])}>{flow}</a>,
    sort: ({ flow }) => flow,
  },
  {
    id: "version",
    title: words.columns.version,
    width: "5rem",
    cell: ({ version }) => version,
    sort: ({ version }) => version,
    onPhone: false,
  },
  {
    id: "state",
    title: words.columns.state,
    width: "6.5rem",
    cell: ({ state, detail }) => (
      <span title={detail || undefined}>
        <Status tone={FLOW_TONES[state]}>{words.state[state]}</Status>
      </span>
    ),
    sort: ({ state }) => state,
  },
  {
    id: "proof",
    title: words.columns.proof,
    width: "minmax(5rem, 0.8fr)",
    cell: ({ content_hash }) => (
      <span className="quiet" title={content_hash}>
        {content_hash ? `${words.signed} ${content_hash.slice(0, 8)}` : words.unsigned}
      </span>
    ),
    onPhone: false,
  },
];

interface RemoveProps {
  readonly device: string;
  readonly flow: string;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

function RemoveDialog({ device, flow, onDone, onClose }: RemoveProps) {
  const telling = useTell(REMOVE_FLOW);
  return (
    <ConfirmDialog
      telling={telling}
      request={{ flow }}
      ids={{ device }}
      title={words.removeTitle(flow, device)}
      name="remove"
      submit={words.remove}
      done={words.removed(flow)}
      onDone={onDone}
      onClose={onClose}
    >
      <p>{words.removeEffect}</p>
    </ConfirmDialog>
  );
}

function InstallDialog({
  device,
  store,
  view,
  link,
  onClose,
}: PartProps & { onClose: () => void }) {
  const { busy, problem, findings, perform } = useCommand();
  const note = useToast();
  const saved = view.saved.filter(({ stage }) => stage !== "archived");
  async function install(flow: string) {
    const isDone = await perform("install", async () => {
      if (!link) return;
      const { version, definition } = await link.call(GET_FLOW, { flow });
      await link.call(INSTALL_FLOW, { flow, version, definition }, { device }, INSTALL_TIMEOUT_MS);
    });
    store.refreshInstalled();
    if (!isDone) return;
    note(words.installed(flow));
    onClose();
  }
  return (
    <FormDialog
      title={words.installTitle(device)}
      name="install-dialog"
      submit={words.install}
      isBusy={busy !== null}
      isReady={saved.length > 0}
      problem={problem}
      onSubmit={(form) => void install(String(form.get("flow")))}
      onClose={onClose}
    >
      {saved.length === 0 ? (
        <Quiet>{words.noSaved}</Quiet>
      ) : (
        <Field label={words.columns.flow} hint={words.installHint}>
          <select name="flow" data-testid="install-choice">
            {saved.map(({ flow, version }) => (
              <option key={flow} value={flow}>
                {words.version(flow, version)}
              </option>
            ))}
          </select>
        </Field>
      )}
      {findings.map(({ rule, element, message }) => (
        <p key={`${rule}/${element}`} className="problem">
          {element ? `${element}: ` : ""}
          {message} ({rule})
        </p>
      ))}
    </FormDialog>
  );
}
