/**
 * What was, what is, and what was taken back. Pure.
 *
 * Edits of one group that follow each other closely (the letters of a name, the steps of a
 * drag) are one edit.
 */

export interface History<State> {
  readonly past: readonly State[];
  readonly present: State;
  readonly future: readonly State[];
  readonly group: string | null; // of the newest edit
  readonly atMs: number;
}

const MOST = 500;
const TOGETHER_MS = 1_500;

export function begin<State>(present: State): History<State> {
  return { past: [], present, future: [], group: null, atMs: 0 };
}

export function edit<State>(
  history: History<State>,
  present: State,
  nowMs: number,
  group: string | null = null,
): History<State> {
  if (present === history.present) return history;
  const isMore = group !== null && group === history.group && nowMs - history.atMs <= TOGETHER_MS;
  const past = isMore ? history.past : [...history.past, history.present].slice(-MOST);
  return { past, present, future: [], group, atMs: nowMs };
}

/** Changes what is without a step back to what was. */
export function amend<State>(history: History<State>, present: State): History<State> {
  return { ...history, present };
}

export function undo<State>(history: History<State>): History<State> {
  const former = history.past.at(-1);
  if (former === undefined) return history;
  return {
    past: history.past.slice(0, -1),
    present: former,
    future: [history.present, ...history.future],
    group: null,
    atMs: 0,
  };
}

export function redo<State>(history: History<State>): History<State> {
  const [next, ...future] = history.future;
  if (next === undefined) return history;
  return { past: [...history.past, history.present], present: next, future, group: null, atMs: 0 };
}
