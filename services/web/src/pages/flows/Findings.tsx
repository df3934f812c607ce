/** What is to be said of a workflow, each finding with the way that leads there. */

import type { CheckedFinding } from "../../contract";
import type { Highlight } from "../../design/highlight";
import { withNames } from "../../flows/naming";
import { t } from "../../texts";
import { Button, Status } from "../../ui/basics";
import { CounterExample } from "./CounterExample";
import { useNodes } from "./useNodes";

const words = t.flows.checks;

interface Props {
  readonly findings: readonly CheckedFinding[];
  readonly played?: CheckedFinding | null; // the one whose counter-example is shown
  readonly onPlay?: (finding: CheckedFinding | null) => void; // absent: none is
  readonly definition?: Readonly<Record<string, unknown>>;
  readonly onHighlight?: (highlight: Highlight | null) => void;
}

export function Findings({ findings, played, onPlay, definition, onHighlight }: Props) {
  const nodes = useNodes();
  return (
    <ul className="flows-findings" data-testid="findings" data-count={findings.length}>
      {findings.map((one) => (
        <li
          key={`${one.rule} ${one.element} ${one.message}`}
          data-testid="finding"
          data-rule={one.rule}
          data-gravity={one.gravity}
        >
          <p>
            <Status tone={one.gravity === "error" ? "bad" : "act"}>{words[one.gravity]}</Status>{" "}
            {withNames(one.message, nodes)} <code className="quiet">{one.rule}</code>
          </p>
          {onPlay && one.steps.length > 0 && (
            <Button
              onClick={() => onPlay(played === one ? null : one)}
              aria-expanded={played === one}
              data-testid="play-finding"
            >
              {played === one ? words.stopPlaying : words.play}
            </Button>
          )}
          {played === one && definition && onHighlight && (
            <CounterExample finding={one} definition={definition} onHighlight={onHighlight} />
          )}
        </li>
      ))}
    </ul>
  );
}
