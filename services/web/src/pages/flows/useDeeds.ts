/** Deeds that are done to one flow or to many, one after the other. */

import { useRefresh, useScope } from "../../app/asking";
import { useCommand } from "../../app/command";
import {
  ARCHIVE_FLOW,
  DELETE_FLOW,
  GET_FLOW,
  LIST_FLOWS,
  LIST_VERSIONS,
  RESTORE_FLOW,
} from "../../contract";
import { t } from "../../texts";
import { keepFile } from "../../ui/csv";
import { useToast } from "../../ui/toasts";
import { LinkLost } from "../../wamp/errors";

const words = t.flows.deed;
const JSON_FILE = "application/json";

export interface Deeds {
  readonly busy: string | null;
  readonly problem: string | null;
  readonly forget: () => void;
  readonly archive: (flows: readonly string[]) => Promise<boolean>;
  readonly restore: (flows: readonly string[]) => Promise<boolean>;
  readonly remove: (flows: readonly string[]) => Promise<boolean>;
  readonly download: (flows: readonly string[], version?: number) => Promise<boolean>;
}

export function useDeeds(): Deeds {
  const { link } = useScope();
  const { busy, problem, perform, forget } = useCommand();
  const refresh = useRefresh();
  const note = useToast();
  type Call = (flow: string) => Promise<unknown>;
  async function each(name: string, flows: readonly string[], call: Call, done?: string) {
    const isDone = await perform(name, async () => {
      for (const flow of flows) await call(flow);
      if (done) note(done);
    });
    refresh(LIST_FLOWS, GET_FLOW, LIST_VERSIONS);
    return isDone;
  }
  const linked = () => {
    if (!link) throw new LinkLost();
    return link;
  };
  return {
    busy,
    problem,
    forget,
    archive: (flows) =>
      each(
        "archive",
        flows,
        (flow) => linked().call(ARCHIVE_FLOW, { flow }),
        words.archived(flows.length),
      ),
    restore: (flows) =>
      each(
        "restore",
        flows,
        (flow) => linked().call(RESTORE_FLOW, { flow }),
        words.restored(flows.length),
      ),
    remove: (flows) =>
      each(
        "remove",
        flows,
        (flow) => linked().call(DELETE_FLOW, { flow }),
        words.removed(flows.length),
      ),
    download: (flows, version) =>
      each("download", flows, async (flow) => {
        const found = await linked().call(GET_FLOW, { flow, version: version ?? null });
        keepDefinition(flow, found.version, found.definition);
      }),
  };
}

/** A file with a version's workflow. */
export function keepDefinition(flow: string, version: number, definition: unknown): void {
  keepFile(`${flow}-${version}.json`, `${JSON.stringify(definition, null, 2)}\n`, JSON_FILE);
}
