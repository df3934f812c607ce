/** A flaw's counter-example: a shortest way that leads there, to be played. */

import { useMemo } from "react";
import type { CounterExampleProps } from "../../design/highlight";
import { frameOf, framesOfSteps } from "../../flows/frames";
import { withNames } from "../../flows/naming";
import { t } from "../../texts";
import { Player, useLight, usePlaying } from "./Player";
import { useNodes } from "./useNodes";
import "./flows.css";

const words = t.flows;

export function CounterExample({ finding, onHighlight }: CounterExampleProps) {
  const nodes = useNodes();
  const frames = useMemo(() => framesOfSteps(finding.steps), [finding]);
  const key = `${finding.rule} ${finding.element} ${finding.message}`;
  const playing = usePlaying(frames.length, key, "playing");
  const frame = frames[playing.at] ?? null;
  useLight(frame, onHighlight);
  const step = frame?.step ?? 0;
  const isLast = playing.at === frames.length - 1;
  return (
    <div className="flows-way" data-testid="counter-example" data-step={step}>
      <Player
        frames={frames}
        playing={playing}
        place={words.player.step(step + 1, finding.steps.length)}
      />
      <ol aria-label={words.way.label}>
        {finding.steps.map((one, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: steps are told by their place
          <li key={place} aria-current={place === step ? "step" : undefined}>
            <button
              type="button"
              className="plain"
              onClick={() => playing.to(frameOf(frames, place))}
              data-testid="way-step"
            >
              {withNames(one.words, nodes)}
            </button>
          </li>
        ))}
      </ol>
      {isLast && (
        <p data-testid="way-end">
          {words.way.end} {finding.message}
        </p>
      )}
    </div>
  );
}
