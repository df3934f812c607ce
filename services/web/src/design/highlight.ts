/**
 * What a player lights on the designer's canvas: a state of a run that never ran.
 *
 * `pages/flows/CounterExample` and `pages/flows/Simulate` play; the designer shows. A player
 * tells every state it comes to; `null` puts the light out. It also does so when it goes.
 */

import type { CheckedFinding } from "../contract";

export interface Highlight {
  readonly active: ReadonlySet<string>; // phases that run, listeners that listen
  readonly link: string | null; // the link signalled just now
  readonly activations: ReadonlyMap<string, number>; // of gateways
  readonly note: string; // the step in words
}

/** What `Simulate` gets. */
export interface PlayerProps {
  readonly definition: Readonly<Record<string, unknown>>;
  readonly onHighlight: (highlight: Highlight | null) => void;
}

/** What `CounterExample` gets: `finding.steps` is not empty. */
export interface CounterExampleProps extends PlayerProps {
  readonly finding: CheckedFinding;
}
