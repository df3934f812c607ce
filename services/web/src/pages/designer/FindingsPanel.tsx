/** What the check found: errors apart from warnings, each with its element. */

import type { CheckedFinding } from "../../contract";
import { t } from "../../texts";
import { Button, Problem, Quiet } from "../../ui/basics";
import type { Findings } from "./useFindings";

const f = t.designer.findings;

interface Props {
  readonly found: Findings;
  readonly isEmpty: boolean;
  readonly onGo: (element: string) => void;
  readonly onPlay: (finding: CheckedFinding) => void;
}

export function FindingsPanel({ found, isEmpty, onGo, onPlay }: Props) {
  const { verdict, isAsking, problem } = found;
  const findings = verdict?.findings ?? [];
  const errors = findings.filter(({ gravity }) => gravity === "error");
  const warnings = findings.filter(({ gravity }) => gravity !== "error");
  return (
    <div
      className="design-form"
      data-testid="findings"
      data-asking={isAsking}
      data-errors={errors.length}
      data-warnings={warnings.length}
    >
      {problem && <Problem>{problem}</Problem>}
      {isEmpty && <Quiet>{f.empty}</Quiet>}
      {!isEmpty && !verdict && !problem && <Quiet>{f.asking}</Quiet>}
      {verdict && findings.length === 0 && <p>{f.none}</p>}
      {errors.length > 0 && (
        <section>
          <h3>{f.errors(errors.length)}</h3>
          <Quiet>{f.errorsHint}</Quiet>
          <FindingList findings={errors} onGo={onGo} onPlay={onPlay} />
        </section>
      )}
      {warnings.length > 0 && (
        <section>
          <h3>{f.warnings(warnings.length)}</h3>
          <Quiet>{f.warningsHint}</Quiet>
          <FindingList findings={warnings} onGo={onGo} onPlay={onPlay} />
        </section>
      )}
      {verdict && verdict.proved.length > 0 && (
        <section>
          <h3>{f.proved}</h3>
          <ul>
            {verdict.proved.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

interface ListProps {
  readonly findings: readonly CheckedFinding[];
  readonly onGo?: (element: string) => void;
  readonly onPlay: (finding: CheckedFinding) => void;
}

export function FindingList({ findings, onGo, onPlay }: ListProps) {
  if (findings.length === 0) return null;
  return (
    <ul className="design-findings">
      {findings.map((finding, place) => {
        const { rule, element, message, gravity, steps } = finding;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: one element may break a rule twice
          <li key={place} className={gravity} data-testid="finding" data-rule={rule}>
            {onGo && element !== null ? (
              <button
                type="button"
                className="plain"
                onClick={() => onGo(element)}
                data-testid="finding-go"
              >
                {message}
              </button>
            ) : (
              <span>{message}</span>
            )}
            {steps.length > 0 && (
              <Button onClick={() => onPlay(finding)} data-testid="play-finding">
                {f.play}
              </Button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
