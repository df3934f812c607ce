/** Saving and publishing: what the centre has, what is new here, who was faster. */

import { useState } from "react";
import { useTell } from "../../app/asking";
import {
  ERRORS,
  type FlowVersion,
  GET_FLOW,
  LIST_FLOWS,
  LIST_RELEASES,
  LIST_VERSIONS,
  PUBLISH_FLOW,
  type Release,
  SAVE_FLOW,
} from "../../contract";
import { type Definition, isSame } from "../../design/document";
import { FleetError } from "../../wamp/errors";

/** What is told about a flow, beside its definition. */
export interface About {
  readonly name: string;
  readonly description: string;
  readonly labels: readonly string[];
}

export interface Saving {
  readonly base: FlowVersion | null; // what the edits began with; null: the flow is new
  readonly isDirty: boolean;
  readonly isBusy: boolean;
  readonly problem: string | null;
  readonly isRefused: boolean; // somebody else saved meanwhile
  readonly theirs: FlowVersion | null; // what they saved
  readonly save: (over?: FlowVersion | null) => Promise<FlowVersion | null>;
  readonly publish: (note: string) => Promise<Release | null>;
  readonly accept: (version: FlowVersion) => void; // as the base
  readonly forget: () => void; // the failure
}

export const aboutOf = (version: FlowVersion | null, flow: string, called = ""): About => ({
  name: version?.name || called || flow,
  description: version?.description ?? "",
  labels: version?.labels ?? [],
});

interface Drawn {
  readonly flow: string;
  readonly opened: FlowVersion | null; // null: a new flow
  readonly latest: FlowVersion | null; // as the centre has it now
  readonly definition: Definition;
  readonly untouched: unknown; // what a new flow begins with
  readonly about: About;
}

export function useSaving(drawn: Drawn): Saving {
  const { flow, opened, latest, definition, untouched, about } = drawn;
  const [base, setBase] = useState(opened);
  const saving = useTell(SAVE_FLOW, LIST_FLOWS, LIST_VERSIONS, GET_FLOW);
  const publishing = useTell(PUBLISH_FLOW, LIST_FLOWS, LIST_VERSIONS, LIST_RELEASES, GET_FLOW);
  const isDirty =
    !isSame(definition, base?.definition ?? untouched) || !isSame(about, aboutOf(base, flow));
  const isRefused = saving.error instanceof FleetError && saving.error.uri === ERRORS.FlowChanged;
  const isNewer = latest !== null && latest.revision > (base?.revision ?? 0);

  async function save(over: FlowVersion | null = base): Promise<FlowVersion | null> {
    publishing.forget();
    const isDrawn = over === null || !isSame(definition, over.definition);
    const saved = await saving.tell({
      flow,
      ...about,
      definition: isDrawn ? definition : null,
      unfinished: true,
      revise: over?.stage === "published",
      if_revision: over?.revision ?? 0,
    });
    if (saved) setBase(saved);
    return saved;
  }

  async function publish(note: string): Promise<Release | null> {
    const version = isDirty || base === null ? await save() : base;
    if (!version) return null;
    const release = await publishing.tell({
      flow,
      version: version.version,
      note,
      if_revision: version.revision,
    });
    // Its revision comes with the answer that is asked for anew.
    if (release) setBase({ ...version, stage: "published", published: true });
    return release;
  }

  return {
    base,
    isDirty,
    isBusy: saving.busy !== null || publishing.busy !== null,
    problem: (isRefused ? null : saving.problem) ?? publishing.problem,
    isRefused,
    theirs: isNewer ? latest : null,
    save,
    publish,
    accept: (version) => {
      setBase(version);
      saving.forget();
    },
    forget: () => {
      saving.forget();
      publishing.forget();
    },
  };
}
