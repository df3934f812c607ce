/** The replay's controls: a slider over the events, steps, and time that passes faster. */

import { useEffect, useRef, useState } from "react";
import { afterEvents, type Position, played, SPEEDS } from "../../run/playing";
import type { Replay } from "../../run/replay";
import { t } from "../../texts";
import { Button } from "../../ui/basics";
import { momentText } from "../../ui/format";
import { useKeys } from "../../ui/keys";
import type { Workflow } from "../../workflow/definition";
import { countdown, eventInWords } from "../../workflow/words";

interface Props {
  readonly replay: Replay;
  readonly workflow: Workflow;
  readonly position: Position | null; // null: at the end, which moves while the run does
  readonly isLive: boolean;
  readonly onMove: (position: Position | null) => void;
}

const TICK_MS = 100;

export function Player({ replay, workflow, position, isLive, onMove }: Props) {
  const [isPlaying, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<number>(SPEEDS[1]);
  const newest = useRef({ replay, position, onMove });
  newest.current = { replay, position, onMove };
  const all = replay.length;
  const count = position?.count ?? all;

  useEffect(() => {
    if (!isPlaying) return;
    let before = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      const { position: from, replay: one, onMove: move } = newest.current;
      const next = from && played(one, from, (now - before) * speed);
      before = now;
      move(next);
      if (!next) setPlaying(false);
    }, TICK_MS);
    return () => clearInterval(timer);
  }, [isPlaying, speed]);

  function step(to: number) {
    setPlaying(false);
    onMove(to >= all ? null : afterEvents(replay, to));
  }
  function play() {
    if (!isPlaying && position === null) onMove(afterEvents(replay, 0));
    setPlaying(!isPlaying);
  }
  useKeys({
    ArrowLeft: step.bind(null, count - 1),
    ArrowRight: step.bind(null, count + 1),
    p: play,
    // Else they scroll the page.
    ...(position ? { Home: step.bind(null, 0), End: step.bind(null, all) } : {}),
  });

  const event = replay.log[count - 1];
  const sentence = event ? eventInWords(event, workflow) : t.run.beginning;
  const atMs = position?.atMs ?? replay.timeOf(all);
  const where = `${t.run.position(count, all)}: ${sentence}`;
  return (
    <section className="panel run-player" aria-label={t.run.replay} data-testid="player">
      <div className="buttons">
        <Button onClick={play} data-testid="play" aria-pressed={isPlaying} title={t.run.keys}>
          {isPlaying ? t.run.hold : t.run.play}
        </Button>
        <select
          aria-label={t.run.speed}
          value={speed}
          onChange={({ target }) => setSpeed(Number(target.value))}
          data-testid="speed"
        >
          {SPEEDS.map((one) => (
            <option key={one} value={one}>
              {t.run.times(one)}
            </option>
          ))}
        </select>
        <Button disabled={count === 0} onClick={() => step(count - 1)} data-testid="previous">
          {t.run.previous}
        </Button>
        <Button disabled={position === null} onClick={() => step(count + 1)} data-testid="next">
          {t.run.next}
        </Button>
      </div>
      <input
        type="range"
        min={0}
        max={all}
        value={count}
        aria-label={t.run.slider}
        aria-valuetext={where}
        onChange={({ target }) => step(Number(target.value))}
        data-testid="slider"
      />
      <p className="run-moment" data-testid="position" data-count={count} data-all={all}>
        <strong>{position === null ? (isLive ? t.run.now : t.run.theEnd) : ""}</strong>{" "}
        {position !== null && (
          <>
            {momentText(atMs, Date.now())}{" "}
            <span className="quiet">{t.run.into(countdown(atMs - replay.timeOf(0)))}</span>
          </>
        )}{" "}
        <span>{where}</span>
      </p>
      {position !== null && (
        <Button look={isLive ? "primary" : "plain"} onClick={() => step(all)} data-testid="to-end">
          {isLive ? t.run.toNow : t.run.toEnd}
        </Button>
      )}
    </section>
  );
}
