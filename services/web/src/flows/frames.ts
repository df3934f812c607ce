/** Counter-examples and simulations as pictures to be shown one after the other. Pure. */

import type { PlayedStep, RunReport, Simulation, WorkflowEvent } from "../contract";
import type { Highlight } from "../design/highlight";
import { advance } from "../run/progress";
import type { Workflow } from "../workflow/definition";

/** One picture; `step` is the step of the counter-example or the event it belongs to. */
export interface Frame extends Highlight {
  readonly step: number;
  readonly atMs: number; // of virtual time; 0 in a counter-example
  readonly kept: readonly string[]; // links whose signal waits before an AND gateway, if known
}

/** Each step as the links it signals, one by one, and then how the run stands. */
export function framesOfSteps(steps: readonly PlayedStep[]): Frame[] {
  const frames: Frame[] = [];
  let active: ReadonlySet<string> = new Set();
  let activations: ReadonlyMap<string, number> = new Map();
  let kept: readonly string[] = [];
  for (const [step, one] of steps.entries()) {
    const note = one.words;
    const firing = one.listener === null ? active : new Set([...active, one.listener]);
    for (const link of one.links) {
      frames.push({ step, atMs: 0, active: firing, link, activations, note, kept });
    }
    active = new Set([...one.phases, ...one.listening]);
    activations = new Map(Object.entries(one.activations));
    kept = one.kept;
    frames.push({ step, atMs: 0, active, link: null, activations, note, kept });
  }
  return frames;
}

const FOLDED = new Set(["COMMAND_EXECUTED", "EVENT_LISTENER_ACTIVATED"]); // seen with the former

/** What is lit after each event; `words` puts an event into a sentence. */
export function framesOfEvents(
  events: readonly WorkflowEvent[],
  workflow: Workflow,
  words: (event: WorkflowEvent) => string,
): Frame[] {
  const frames: Frame[] = [];
  let report = BEFORE;
  for (const [step, event] of events.entries()) {
    report = advance(report, event, workflow);
    const active = new Set([
      ...report.active_phases,
      ...report.listening.map(({ listener }) => listener),
    ]);
    const former = frames.at(-1);
    if (former && FOLDED.has(event.type) && former.atMs === event.createdAt) {
      frames[frames.length - 1] = { ...former, active };
      continue;
    }
    frames.push({
      step,
      atMs: event.createdAt,
      active,
      link: event.type === "FLOW_SIGNALED" ? String(event.data.flowId) : null,
      activations: new Map(Object.entries(report.activations)),
      note: words(event),
      kept: [],
    });
  }
  return frames;
}

const BEFORE: RunReport = {
  run: "",
  flow: "",
  version: 0,
  status: "ready",
  started_at_ms: 0,
  ended_at_ms: null,
  active_phases: [],
  listening: [],
  activations: {},
  events: 0,
  active_since_ms: [],
};

/** When a phase was active, in virtual time. */
export interface Bar {
  readonly phase: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The phases in the order in which they began. */
export function bars(frames: readonly Frame[], workflow: Workflow, lastedMs: number): Bar[] {
  const done: Bar[] = [];
  const open = new Map<string, number>();
  const close = (phase: string, toMs: number) => {
    done.push({ phase, fromMs: open.get(phase) ?? 0, toMs });
    open.delete(phase);
  };
  for (const { active, atMs } of frames) {
    for (const phase of [...open.keys()]) if (!active.has(phase)) close(phase, atMs);
    for (const id of active) {
      if (workflow.elements.get(id)?.kind === "phase" && !open.has(id)) open.set(id, atMs);
    }
  }
  for (const phase of [...open.keys()]) close(phase, lastedMs);
  return done.sort((one, other) => one.fromMs - other.fromMs);
}

/** The frame that shows a step or an event: its own first one, or the one before it. */
export function frameOf(frames: readonly Frame[], step: number): number {
  const own = frames.findIndex((frame) => frame.step === step);
  return own === -1 ? frames.findLastIndex((frame) => frame.step < step) : own;
}

/** What an input of the device is set to at a moment, by node. */
export function settingsAt(simulation: Simulation, atMs: number): ReadonlyMap<string, unknown> {
  const told = simulation.settings.filter((one) => one.at_ms <= atMs);
  return new Map(told.map(({ node, value }) => [node, value]));
}
