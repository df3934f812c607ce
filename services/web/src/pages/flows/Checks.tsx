/** The verdict on a version: what keeps it from being published, and what was proved. */

import { useState } from "react";
import { useAsk } from "../../app/asking";
import { replaceQuery } from "../../app/routes";
import {
  CHECK_FLOW,
  type CheckedFinding,
  type FlowVerdict,
  type FlowVersion,
} from "../../contract";
import type { Highlight } from "../../design/highlight";
import { t } from "../../texts";
import { Panel, Problem, Quiet } from "../../ui/basics";
import { Findings } from "./Findings";
import { FlowGraph } from "./FlowGraph";
import { VersionChoice } from "./VersionChoice";

const words = t.flows.checks;

interface Props {
  readonly found: FlowVersion;
  readonly newest: FlowVersion;
}

export function Checks({ found, newest }: Props) {
  const { definition } = found;
  const { data, problem, isStale } = useAsk(CHECK_FLOW, { definition });
  const [played, setPlayed] = useState<CheckedFinding | null>(null);
  const [highlight, setHighlight] = useState<Highlight | null>(null);
  return (
    <div className="flows-beside">
      <Panel
        title={words.title}
        name="checks"
        isStale={isStale}
        actions={
          <VersionChoice
            newest={newest}
            version={found.version}
            onChange={(version) => replaceQuery({ tab: "checks", version })}
          />
        }
      >
        {problem && <Problem>{problem}</Problem>}
        {!data && !problem && <Quiet>{words.asking}</Quiet>}
        {data && (
          <>
            <Verdict verdict={data} />
            <Findings
              findings={data.findings}
              played={played}
              onPlay={setPlayed}
              definition={definition}
              onHighlight={setHighlight}
            />
          </>
        )}
      </Panel>
      <Panel title={t.flows.one.graph(found.version)}>
        <FlowGraph definition={definition} highlight={highlight} />
      </Panel>
    </div>
  );
}

/** The verdict in a sentence, and what is known of all runs. */
export function Verdict({ verdict }: { readonly verdict: FlowVerdict }) {
  const { valid, findings, proved } = verdict;
  const errors = findings.filter(({ gravity }) => gravity === "error").length;
  return (
    <div data-testid="verdict" data-valid={valid}>
      {valid ? <p>{words.valid}</p> : <Problem>{words.invalid(errors)}</Problem>}
      {proved.length > 0 && (
        <>
          <Quiet>{words.proved}</Quiet>
          <ul>
            {proved.map((claim) => (
              <li key={claim}>{claim}</li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
