/** What is asked before something is done to flows. */

import { useState } from "react";
import { useAsk, useTell } from "../../app/asking";
import { address, go } from "../../app/routes";
import {
  CLONE_FLOW,
  type FlowVersion,
  GET_FLOW,
  LIST_FLOWS,
  LIST_VERSIONS,
  SAVE_FLOW,
} from "../../contract";
import { freeId, idOf, isId, labelsOf, readFile } from "../../flows/naming";
import { t } from "../../texts";
import { Field, Problem, Quiet } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { useToast } from "../../ui/toasts";
import type { Deeds } from "./useDeeds";

const words = t.flows;

interface Closing {
  readonly onClose: () => void;
}

/** The ids that are taken; archived flows keep theirs. */
function useTaken(): ReadonlySet<string> {
  const listed = useAsk(LIST_FLOWS, {});
  const archived = useAsk(LIST_FLOWS, { stage: "archived" });
  const all = [...(listed.data?.flows ?? []), ...(archived.data?.flows ?? [])];
  return new Set(all.map(({ flow }) => flow));
}

/** A name, and an id that follows it until somebody writes another one. */
function useNaming(first = "") {
  const taken = useTaken();
  const [name, setName] = useState(first);
  const [written, setWritten] = useState<string | null>(null);
  const id = written ?? (name ? freeId(idOf(name), taken) : "");
  const isTaken = taken.has(id);
  const problem = id !== "" && !isId(id) ? words.add.badId : null;
  return { name, setName, id, setId: setWritten, problem, isTaken, taken };
}

function NameFields({
  naming,
  refusesTaken,
}: {
  readonly naming: ReturnType<typeof useNaming>;
  readonly refusesTaken: boolean;
}) {
  const { name, setName, id, setId, problem, isTaken } = naming;
  const refused = refusesTaken && isTaken ? words.add.taken(id) : problem;
  return (
    <>
      <Field label={words.add.name}>
        <input
          value={name}
          onChange={({ target }) => setName(target.value)}
          maxLength={200}
          autoComplete="off"
          data-testid="flow-name"
        />
      </Field>
      <Field label={words.add.id} hint={words.add.idHint} problem={refused}>
        <input
          value={id}
          onChange={({ target }) => setId(target.value)}
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          data-testid="flow-id"
        />
      </Field>
    </>
  );
}

export function NewFlow({ onClose }: Closing) {
  const naming = useNaming();
  const { name, id, problem, isTaken } = naming;
  return (
    <FormDialog
      title={words.add.title}
      name="new-flow"
      submit={words.add.submit}
      isReady={id !== "" && !problem && !isTaken}
      onSubmit={() => go(address(["flows", id, "design"], { new: 1, name: name.trim() }))}
      onClose={onClose}
    >
      <NameFields naming={naming} refusesTaken />
    </FormDialog>
  );
}

export function CloneFlow({
  flow,
  name,
  version,
  onClose,
}: Closing & { readonly flow: string; readonly name: string; readonly version: number }) {
  const naming = useNaming(words.clone.name(name || flow));
  const { tell, busy, problem } = useTell(CLONE_FLOW, LIST_FLOWS);
  const note = useToast();
  async function clone() {
    const to = naming.id;
    const made = await tell({ flow, to, version, name: naming.name.trim() });
    if (!made) return;
    note(words.clone.done(to));
    onClose();
    go(address(["flows", to]));
  }
  return (
    <FormDialog
      title={words.clone.title(flow)}
      name="clone-flow"
      submit={words.clone.submit}
      isBusy={busy !== null}
      isReady={naming.id !== "" && !naming.problem && !naming.isTaken}
      problem={problem}
      onSubmit={() => void clone()}
      onClose={onClose}
    >
      <Quiet>{words.clone.version(version)}</Quiet>
      <NameFields naming={naming} refusesTaken />
    </FormDialog>
  );
}

const JSON_SUFFIX = /\.json$/i;

export function ImportFlow({ onClose }: Closing) {
  const naming = useNaming();
  const { name, setName, id, setId, problem, isTaken, taken } = naming;
  const [definition, setDefinition] = useState<FlowVersion["definition"] | null>(null);
  const [flaw, setFlaw] = useState<string | null>(null);
  const { tell, busy, ...refused } = useTell(SAVE_FLOW, LIST_FLOWS, GET_FLOW, LIST_VERSIONS);
  const note = useToast();
  async function choose(file: File | undefined) {
    setDefinition(null);
    setFlaw(null);
    if (!file) return;
    const read = readFile(await file.text());
    if ("problem" in read) {
      setFlaw(read.problem === "not-json" ? words.importing.notJson : words.importing.notObject);
      return;
    }
    setDefinition(read.definition);
    const called = file.name.replace(JSON_SUFFIX, "");
    if (!name) setName(called);
    if (!id) setId(freeId(idOf(called) || "flow", taken));
  }
  async function save() {
    if (!definition) return;
    const isNew = !isTaken;
    const saved = await tell({
      flow: id,
      name: isNew ? name.trim() || id : "",
      definition,
      unfinished: true,
      revise: true,
    });
    if (!saved) return;
    const { version, findings } = saved;
    const more = findings.length > 0 ? ` ${words.importing.unfinished(findings.length)}` : "";
    note(`${words.importing.done(id, version)}${more}`);
    onClose();
    go(address(["flows", id], { tab: findings.length > 0 ? "checks" : null }));
  }
  return (
    <FormDialog
      title={words.importing.title}
      name="import-flow"
      submit={words.importing.submit}
      isBusy={busy !== null}
      isReady={definition !== null && id !== "" && !problem}
      problem={refused.problem}
      onSubmit={() => void save()}
      onClose={onClose}
    >
      <Field label={words.importing.file} hint={words.importing.hint} problem={flaw}>
        <input
          type="file"
          accept=".json,application/json"
          onChange={({ target }) => void choose(target.files?.[0])}
          data-testid="import-file"
        />
      </Field>
      <NameFields naming={naming} refusesTaken={false} />
      {isTaken && <Quiet name="import-next">{words.importing.isNext(id)}</Quiet>}
    </FormDialog>
  );
}

export function RemoveFlows({
  flows,
  deeds,
  onClose,
  onDone,
}: Closing & {
  readonly flows: readonly string[];
  readonly deeds: Deeds;
  readonly onDone: () => void;
}) {
  async function remove() {
    if (await deeds.remove(flows)) {
      onClose();
      onDone();
    }
  }
  return (
    <FormDialog
      title={words.remove.title(flows.length)}
      name="remove-flow"
      submit={words.remove.submit}
      isDanger
      isBusy={deeds.busy === "remove"}
      problem={deeds.problem}
      onSubmit={() => void remove()}
      onClose={onClose}
    >
      <ul>
        {flows.map((flow) => (
          <li key={flow}>{flow}</li>
        ))}
      </ul>
      <Quiet>{words.remove.note}</Quiet>
    </FormDialog>
  );
}

export function DescribeFlow({ found, onClose }: Closing & { readonly found: FlowVersion }) {
  const [name, setName] = useState(found.name);
  const [description, setDescription] = useState(found.description);
  const [labels, setLabels] = useState(found.labels.join(", "));
  const { tell, busy, problem } = useTell(SAVE_FLOW, GET_FLOW, LIST_FLOWS);
  const note = useToast();
  async function save() {
    const saved = await tell({
      flow: found.flow,
      name: name.trim(),
      description,
      labels: labelsOf(labels),
      if_revision: found.revision,
    });
    if (!saved) return;
    note(words.describe.done);
    onClose();
  }
  return (
    <FormDialog
      title={words.describe.title(found.flow)}
      name="describe-flow"
      submit={words.describe.submit}
      isBusy={busy !== null}
      isReady={name.trim() !== ""}
      problem={problem}
      onSubmit={() => void save()}
      onClose={onClose}
    >
      <Field label={words.describe.name}>
        <input
          value={name}
          onChange={({ target }) => setName(target.value)}
          data-testid="flow-name"
        />
      </Field>
      <Field label={words.describe.description}>
        <textarea
          value={description}
          onChange={({ target }) => setDescription(target.value)}
          data-testid="flow-description"
        />
      </Field>
      <Field label={words.describe.labels} hint={words.describe.labelsHint}>
        <input
          value={labels}
          onChange={({ target }) => setLabels(target.value)}
          data-testid="flow-labels"
        />
      </Field>
    </FormDialog>
  );
}

export function RestoreVersion({
  newest,
  version,
  onClose,
}: Closing & { readonly newest: FlowVersion; readonly version: number }) {
  const { flow, revision } = newest;
  const old = useAsk(GET_FLOW, { flow, version });
  const { tell, busy, problem } = useTell(SAVE_FLOW, GET_FLOW, LIST_FLOWS, LIST_VERSIONS);
  const note = useToast();
  async function restore() {
    if (!old.data) return;
    const { definition } = old.data;
    const request = { flow, definition, unfinished: true, revise: true, if_revision: revision };
    const saved = await tell(request);
    if (!saved) return;
    note(words.versions.restored(saved.version));
    onClose();
  }
  return (
    <FormDialog
      title={words.versions.restoreTitle(version)}
      name="restore-version"
      submit={words.versions.restoreSubmit}
      isBusy={busy !== null}
      isReady={old.data !== undefined}
      problem={problem}
      onSubmit={() => void restore()}
      onClose={onClose}
    >
      {old.problem && <Problem>{old.problem}</Problem>}
      <Quiet>{words.versions.restoreNote(version, newest.version + 1)}</Quiet>
    </FormDialog>
  );
}
