/** Publishing a version: what the checks say first, then the deed. */

import { useState } from "react";
import { useAsk, useTell } from "../../app/asking";
import {
  CHECK_FLOW,
  type FlowVersion,
  GET_FLOW,
  LIST_FLOWS,
  LIST_RELEASES,
  LIST_VERSIONS,
  PUBLISH_FLOW,
} from "../../contract";
import { t } from "../../texts";
import { Field, Problem, Quiet } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { useToast } from "../../ui/toasts";
import { Findings } from "./Findings";

const words = t.flows.publish;

interface Props {
  readonly found: FlowVersion;
  readonly onClose: () => void;
}

export function Publish({ found, onClose }: Props) {
  const { flow, version, revision, definition } = found;
  const verdict = useAsk(CHECK_FLOW, { definition });
  const [about, setAbout] = useState("");
  const publishing = useTell(PUBLISH_FLOW, GET_FLOW, LIST_FLOWS, LIST_VERSIONS, LIST_RELEASES);
  const note = useToast();
  const isInvalid = verdict.data?.valid === false;
  async function publish() {
    const request = { flow, version, note: about.trim(), if_revision: revision };
    if (!(await publishing.tell(request))) return;
    note(words.done(version));
    onClose();
  }
  return (
    <FormDialog
      title={words.title(version)}
      name="publish"
      submit={words.submit}
      isBusy={publishing.busy !== null}
      isReady={!isInvalid}
      problem={publishing.problem}
      onSubmit={() => void publish()}
      onClose={onClose}
    >
      <Quiet>{words.note}</Quiet>
      {!verdict.data && !verdict.problem && <Quiet>{words.asking}</Quiet>}
      {verdict.problem && <Problem>{verdict.problem}</Problem>}
      {verdict.data && verdict.data.findings.length > 0 && (
        <div className="flows-verdict">
          <p>{isInvalid ? words.invalid : words.warnings}</p>
          <Findings findings={verdict.data.findings} />
        </div>
      )}
      {!isInvalid && (
        <Field label={words.about} hint={words.aboutHint}>
          <input
            value={about}
            onChange={({ target }) => setAbout(target.value)}
            maxLength={200}
            data-testid="publish-note"
          />
        </Field>
      )}
    </FormDialog>
  );
}
