/** What came of a simulation: to be played, as a list of events, over time, and where it ends. */

import { useMemo, useState } from "react";
import type { Simulation } from "../../contract";
import type { PlayerProps } from "../../design/highlight";
import { bars, frameOf, framesOfEvents, settingsAt } from "../../flows/frames";
import { nodeName, withNames } from "../../flows/naming";
import { afterEnd, type Draft, nodesRead, type Step } from "../../flows/script";
import { t } from "../../texts";
import { Button, Check, Facts, Quiet, Status, type Tone } from "../../ui/basics";
import type { Workflow } from "../../workflow/definition";
import { duration, eventInWords, isDetail, short } from "../../workflow/words";
import { Player, useLight, usePlaying } from "./Player";
import { Timeline } from "./Timeline";
import { useNodes } from "./useNodes";

const words = t.flows.simulate;

const TONES: Readonly<Record<Simulation["end"], Tone>> = {
  ended: "lit",
  waiting: "normal",
  until: "normal",
  events: "normal",
};

interface Props {
  readonly simulation: Simulation;
  readonly workflow: Workflow;
  readonly isStale: boolean;
  readonly onAdd: (step: Step) => void;
  readonly onDraft: (draft: Draft) => void;
  readonly onHighlight: PlayerProps["onHighlight"];
}

export function SimulationResult(props: Props) {
  const { simulation, workflow, isStale, onAdd, onDraft, onHighlight } = props;
  const nodes = useNodes();
  const [isAll, setIsAll] = useState(false);
  const frames = useMemo(
    () => framesOfEvents(simulation.events, workflow, (one) => eventInWords(one, workflow)),
    [simulation, workflow],
  );
  const playing = usePlaying(frames.length, keyOf(simulation), "at the end");
  const frame = frames[playing.at] ?? null;
  useLight(frame, onHighlight);
  const phases = useMemo(
    () => bars(frames, workflow, simulation.lasted_ms),
    [frames, workflow, simulation],
  );
  const set = settingsAt(simulation, frame?.atMs ?? 0);
  return (
    <section className="flows-result" aria-label={words.result} data-stale={isStale}>
      <p
        role="status"
        data-testid="simulation"
        data-status={simulation.status}
        data-end={simulation.end}
      >
        <Status tone={TONES[simulation.end]}>{simulation.status}</Status>{" "}
        {withNames(simulation.words, nodes)}
      </p>
      {frames.length > 0 && (
        <Player
          frames={frames}
          playing={playing}
          place={`${duration(frame?.atMs ?? 0)}: ${frame?.note ?? ""}`}
        />
      )}
      <Timeline
        bars={phases}
        workflow={workflow}
        lastedMs={simulation.lasted_ms}
        atMs={frame?.atMs ?? 0}
      />
      <Awaits simulation={simulation} workflow={workflow} onAdd={onAdd} onDraft={onDraft} />
      {simulation.refused.length > 0 && (
        <>
          <h3>{words.refused}</h3>
          <ul>
            {simulation.refused.map((one) => (
              <li key={`${one.at_ms} ${one.words}`}>
                {words.after(duration(one.at_ms))}: {one.words}
              </li>
            ))}
          </ul>
        </>
      )}
      {set.size > 0 && (
        <>
          <h3>{words.settings}</h3>
          <Facts
            facts={[...set].map(([node, value]) => [nodeName(node, nodes), String(value)] as const)}
          />
        </>
      )}
      <div className="flows-events-head">
        <h3>{words.events}</h3>
        <Check label={words.all} checked={isAll} onChange={() => setIsAll(!isAll)} />
      </div>
      {simulation.events.length === 0 && <Quiet>{words.none}</Quiet>}
      <ol
        className="flows-events"
        data-testid="simulated-events"
        data-count={simulation.events.length}
      >
        {simulation.events.map((event, step) =>
          isAll || !isDetail(event) ? (
            <li key={event.id} aria-current={frame?.step === step ? "step" : undefined}>
              <button
                type="button"
                className="plain"
                onClick={() => playing.to(frameOf(frames, step))}
                data-type={event.type}
              >
                <span className="quiet">{duration(event.createdAt)}</span>
                <span>{eventInWords(event, workflow)}</span>
              </button>
            </li>
          ) : null,
        )}
      </ol>
    </section>
  );
}

/** Other events, another story. */
function keyOf({ words, events }: Simulation): string {
  return `${events.length} ${words}`;
}

/** What the run waits for in the end, and the deeds that would let it go on. */
function Awaits({
  simulation,
  workflow,
  onAdd,
  onDraft,
}: Pick<Props, "simulation" | "workflow" | "onAdd" | "onDraft">) {
  const nodes = useNodes();
  if (simulation.awaited.length === 0) return null;
  const at_s = afterEnd(simulation.lasted_ms);
  return (
    <>
      <h3>{words.waits}</h3>
      <ul className="flows-awaits">
        {simulation.awaited.map(({ element, words: sentence }) => {
          const one = workflow.elements.get(element);
          const type = one?.kind === "listener" ? one.type : "";
          const [node] =
            one?.kind === "listener"
              ? nodesRead({ elements: new Map([[element, one]]), links: [] })
              : [];
          return (
            <li key={element} data-testid="awaited" data-element-id={element}>
              <span>{withNames(sentence, nodes)}</span>
              {type === "APPROVAL" && (
                <Button
                  onClick={() => onAdd({ at_s, approve: element })}
                  data-testid="awaited-approve"
                >
                  {words.approve(short(element))}
                </Button>
              )}
              {type === "CONDITION" && node && (
                <Button
                  onClick={() =>
                    onDraft({ atText: String(at_s), deed: "tags", element: node, valueText: "" })
                  }
                  data-testid="awaited-reading"
                >
                  {words.read(nodeName(node, nodes))}
                </Button>
              )}
              {type !== "" && type !== "APPROVAL" && (
                <Button look="plain" onClick={() => onAdd({ at_s, trigger: element })}>
                  {words.trigger(short(element))}
                </Button>
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}
