/** What a phase's commands set, one setpoint at a time. Pure. */

import { commandsOf, isRecord, type Json, type Part, type Target, targetsOf } from "./document";
import { withField } from "./edits";

/** A setpoint, and where it stands. */
export interface Placed {
  readonly command: number;
  readonly place: number;
  readonly target: Target;
}

export function setpointsOf(phase: Part): readonly Placed[] {
  return commandsOf(phase).flatMap((command, at) =>
    targetsOf(command).map((target, place) => ({ command: at, place, target })),
  );
}

export function addSetpoint(phase: Part, target: Target): Part {
  const commands = commandsOf(phase);
  const last = commands.length - 1;
  if (last >= 0) return withTargets(phase, last, (targets) => [...targets, target]);
  const command = { id: "command_1", type: "SET_TARGETS", data: { targets: [target] } };
  return { ...phase, commands: [command] };
}

export function changeSetpoint(phase: Part, { command, place }: Placed, next: Target): Part {
  return withTargets(phase, command, (targets) => targets.with(place, next));
}

/** Removes a setpoint, and its command with its last one. */
export function removeSetpoint(phase: Part, { command, place }: Placed): Part {
  const left = withTargets(phase, command, (targets) => targets.toSpliced(place, 1));
  const commands = commandsOf(left);
  const isEmpty = targetsOf(commands[command] ?? {}).length === 0;
  return isEmpty ? { ...left, commands: commands.toSpliced(command, 1) } : left;
}

function withTargets(
  phase: Part,
  at: number,
  edit: (targets: readonly Target[]) => readonly Target[],
): Part {
  const commands = commandsOf(phase);
  const command = commands[at];
  if (!command) return phase;
  const data: Json = isRecord(command.data) ? command.data : {};
  const next = withField(command, "data", { ...data, targets: edit(targetsOf(command)) });
  return { ...phase, commands: commands.with(at, next) };
}
