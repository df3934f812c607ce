/** What changed between two versions: in words, and on the graph. */

import { useMemo } from "react";
import { useAsk } from "../../app/asking";
import { replaceQuery } from "../../app/routes";
import {
  type ChangeWord,
  DIFF_FLOW,
  type FlowDiff,
  type FlowVersion,
  GET_FLOW,
  type PartChange,
} from "../../contract";
import { countsOf, fieldsOf, marksOf, withRemoved } from "../../flows/diff";
import { t } from "../../texts";
import { Panel, Problem, Quiet } from "../../ui/basics";
import { FlowGraph } from "./FlowGraph";
import { VersionChoice } from "./VersionChoice";

const words = t.flows.diff;

interface Props {
  readonly newest: FlowVersion;
  readonly before: number | null; // null: as the backend chooses
  readonly after: number | null;
}

export function Changes({ newest, before, after }: Props) {
  const { flow } = newest;
  const { data, problem, isStale } = useAsk(DIFF_FLOW, { flow, before, after }, { keeps: true });
  const choose = (change: { readonly before?: number; readonly after?: number }) =>
    replaceQuery({ tab: "changes", before: data?.before, after: data?.after, ...change });
  if (data?.before === 0) return <Quiet>{words.first}</Quiet>; // compared with nothing
  return (
    <Panel
      title={words.title}
      isStale={isStale}
      name="flow-diff"
      actions={
        data && (
          <>
            <VersionChoice
              newest={newest}
              version={data.before}
              label={words.from}
              name="diff-before"
              onChange={(version) => choose({ before: version })}
            />
            <VersionChoice
              newest={newest}
              version={data.after}
              label={words.to}
              name="diff-after"
              onChange={(version) => choose({ after: version })}
            />
          </>
        )
      }
    >
      {problem && <Problem>{problem}</Problem>}
      {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
      {data && <Diff diff={data} />}
    </Panel>
  );
}

const LEGEND: readonly ChangeWord[] = ["added", "changed", "removed"];

function Diff({ diff }: { readonly diff: FlowDiff }) {
  const { flow, after, changes } = diff;
  const drawn = useAsk(GET_FLOW, { flow, version: after }, { keeps: true });
  const marks = useMemo(() => marksOf(changes), [changes]);
  const union = useMemo(
    () => (drawn.data ? withRemoved(drawn.data.definition, changes) : null),
    [drawn.data, changes],
  );
  if (changes.length === 0) return <Quiet name="diff-none">{words.same}</Quiet>;
  return (
    <>
      <p data-testid="diff-counts">{words.counts(countsOf(changes))}</p>
      {marks.size > 0 && union && (
        <>
          <FlowGraph definition={union} marks={marks} />
          <ul className="flows-legend" aria-label={words.legend}>
            {LEGEND.map((what) => (
              <li key={what}>
                <i data-mark={what} />
                {words.what[what]}
              </li>
            ))}
          </ul>
        </>
      )}
      <ul className="flows-changes" data-testid="diff">
        {changes.map((change) => (
          <Change key={`${change.kind} ${change.id}`} change={change} />
        ))}
      </ul>
    </>
  );
}

function Change({ change }: { readonly change: PartChange }) {
  const { what, kind, id, before, after } = change;
  const fields = fieldsOf(change);
  const head = (
    <>
      <span className="flows-sign" aria-hidden="true">
        {words.sign[what]}
      </span>{" "}
      <strong>{words.part(kind, id)}</strong> {words.what[what]}
    </>
  );
  return (
    <li data-testid="change" data-what={what} data-id={id}>
      {fields.length === 0 ? (
        <details>
          <summary>{head}</summary>
          <pre className="flows-json">{JSON.stringify(after ?? before, null, 2)}</pre>
        </details>
      ) : (
        <>
          <p>{head}</p>
          <ul>
            {fields.map(({ path, before, after }) => (
              <li key={path}>
                {words.field(path === "order" ? words.order : path, before, after)}
              </li>
            ))}
          </ul>
        </>
      )}
    </li>
  );
}
