/** Phases over virtual time: a row for each, a bar for each time it was active. */

import type { Bar } from "../../flows/frames";
import { t } from "../../texts";
import type { Workflow } from "../../workflow/definition";
import { duration, short } from "../../workflow/words";

const words = t.flows.simulate;

interface Props {
  readonly bars: readonly Bar[];
  readonly workflow: Workflow;
  readonly lastedMs: number;
  readonly atMs: number;
}

export function Timeline({ bars, workflow, lastedMs, atMs }: Props) {
  if (bars.length === 0 || lastedMs === 0) return null;
  const phases = [...new Set(bars.map(({ phase }) => phase))];
  const share = (ms: number) => `${(100 * ms) / lastedMs}%`;
  const name = (phase: string) => short(workflow.elements.get(phase)?.label ?? phase);
  return (
    <figure className="flows-timeline" aria-label={words.timeline}>
      <div className="flows-rows">
        {phases.map((phase) => (
          <div key={phase} className="flows-row">
            <span title={phase}>{name(phase)}</span>
            <div className="flows-track">
              {bars
                .filter((bar) => bar.phase === phase)
                .map(({ fromMs, toMs }) => (
                  <span
                    key={fromMs}
                    role="img"
                    aria-label={words.phase(name(phase), duration(fromMs), duration(toMs))}
                    className="flows-span"
                    data-active={fromMs <= atMs && atMs < toMs}
                    style={{ left: share(fromMs), width: share(toMs - fromMs) }}
                  />
                ))}
              <i style={{ left: share(atMs) }} />
            </div>
          </div>
        ))}
      </div>
      <figcaption className="quiet">{words.lasted(duration(lastedMs))}</figcaption>
    </figure>
  );
}
