/** Plays pictures one after the other: by itself, step by step, or by a slider. */

import { useEffect, useRef, useState } from "react";
import type { Frame } from "../../flows/frames";
import { t } from "../../texts";
import { Button } from "../../ui/basics";
import { useKeys } from "../../ui/keys";

const FRAME_MS = 900;
const words = t.flows.player;

export interface Playing {
  readonly at: number;
  readonly isPlaying: boolean;
  readonly to: (frame: number) => void;
  readonly toggle: () => void;
}

/** Where a player is among `count` frames; `key` changes when they are other ones. */
export function usePlaying(count: number, key: string, begins: "playing" | "at the end"): Playing {
  const last = Math.max(0, count - 1);
  const first =
    begins === "playing"
      ? { key, at: 0, isPlaying: !isCalm() }
      : { key, at: last, isPlaying: false };
  const [state, setState] = useState(first);
  const { at, isPlaying } = state.key === key ? { ...state, at: Math.min(state.at, last) } : first;
  useEffect(() => {
    if (!isPlaying || at >= last) return;
    const timer = setTimeout(() => {
      setState({ key, at: at + 1, isPlaying: at + 1 < last });
    }, FRAME_MS);
    return () => clearTimeout(timer);
  }, [at, last, isPlaying, key]);
  return {
    at,
    isPlaying: isPlaying && at < last,
    to: (frame) => setState({ key, at: Math.max(0, Math.min(last, frame)), isPlaying: false }),
    toggle: () => setState({ key, at: at >= last ? 0 : at, isPlaying: !(isPlaying && at < last) }),
  };
}

/** Somebody who wants no motion starts it by hand. */
function isCalm(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

interface Props {
  readonly frames: readonly Frame[];
  readonly playing: Playing;
  readonly place: string; // where it is, in words
}

export function Player({ frames, playing, place }: Props) {
  const { at, isPlaying, to, toggle } = playing;
  const last = frames.length - 1;
  useKeys({ ",": () => to(at - 1), ".": () => to(at + 1), p: toggle });
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div role="group" className="flows-player" aria-label={words.label} title={words.keys}>
      <div className="buttons">
        <Button onClick={() => to(at - 1)} disabled={at === 0} data-testid="play-back">
          {words.back}
        </Button>
        <Button onClick={toggle} disabled={last < 1} data-testid="play">
          {isPlaying ? words.pause : at >= last && last > 0 ? words.again : words.play}
        </Button>
        <Button onClick={() => to(at + 1)} disabled={at >= last} data-testid="play-next">
          {words.next}
        </Button>
        <span className="quiet" data-testid="play-place" data-frame={at}>
          {place}
        </span>
      </div>
      <input
        type="range"
        aria-label={words.place}
        aria-valuetext={place}
        min={0}
        max={Math.max(0, last)}
        value={at}
        onChange={({ target }) => to(Number(target.value))}
        data-testid="play-slider"
      />
    </div>
  );
}

/** Lights what a frame shows, and puts the light out when the player goes. */
export function useLight(frame: Frame | null, onHighlight: (frame: Frame | null) => void): void {
  const newest = useRef(onHighlight);
  newest.current = onHighlight;
  useEffect(() => newest.current(frame), [frame]);
  useEffect(() => () => newest.current(null), []);
}
