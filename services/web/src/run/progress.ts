/** How a run stands, moved on by its events until the device's next report. Pure. */

import type { ListenerReport, RunReport, RunStatus, WorkflowEvent } from "../contract";
import type { Workflow } from "../workflow/definition";

const STATUS: Readonly<Record<string, RunStatus>> = {
  WORKFLOW_PAUSED: "paused",
  WORKFLOW_RESUMED: "running",
  WORKFLOW_TERMINATED: "terminated",
  WORKFLOW_FINISHED: "finished",
};

export function hasEnded(status: RunStatus): boolean {
  return status === "finished" || status === "terminated";
}

/** The report after `event`; unchanged if the report told of it already. */
export function advance(report: RunReport, event: WorkflowEvent, workflow: Workflow): RunReport {
  if (event.number < report.events) return report;
  const told = { ...report, events: event.number + 1 };
  const { data } = event;
  switch (event.type) {
    case "PHASE_STARTED":
      return started(told, String(data.phaseId), event.createdAt);
    case "EVENT_LISTENER_ACTIVATED":
      return listening(told, String(data.eventListenerId), workflow);
    case "EVENT_RECEIVED":
      return received(told, String(data.eventListenerId), workflow);
    case "GATEWAY_ACTIVATED": {
      const gateway = String(data.gatewayId);
      const count = (told.activations[gateway] ?? 0) + 1;
      return { ...told, activations: { ...told.activations, [gateway]: count } };
    }
    default:
      return moved(told, STATUS[event.type], event.createdAt);
  }
}

function started(report: RunReport, phase: string, at: number): RunReport {
  const { active_phases, active_since_ms } = without(report, phase);
  return {
    ...report,
    active_phases: [...active_phases, phase],
    active_since_ms: [...active_since_ms, at],
  };
}

/** The active phases but one; older engines do not tell since when. */
function without({ active_phases, active_since_ms }: RunReport, phase: string | null) {
  const isKept = (_: unknown, place: number) => active_phases[place] !== phase;
  return {
    active_phases: active_phases.filter(isKept),
    active_since_ms: active_since_ms.filter(isKept),
  };
}

function listening(report: RunReport, id: string, workflow: Workflow): RunReport {
  const element = workflow.elements.get(id);
  const one: ListenerReport = {
    listener: id,
    type: element?.kind === "listener" ? element.type : "",
    phase: element?.kind === "listener" ? element.phase : null,
    due_at_ms: null,
    remaining_ms: null,
  };
  const others = report.listening.filter(({ listener }) => listener !== id);
  return { ...report, listening: [...others, one] };
}

/** The listener is silent now; an interrupting one ends its phase and all its listeners. */
function received(report: RunReport, id: string, workflow: Workflow): RunReport {
  const element = workflow.elements.get(id);
  const ended = element?.kind === "listener" && element.isInterrupting ? element.phase : null;
  return {
    ...report,
    ...without(report, ended),
    listening: report.listening.filter(
      ({ listener, phase }) => listener !== id && (ended === null || phase !== ended),
    ),
  };
}

function moved(report: RunReport, status: RunStatus | undefined, at: number): RunReport {
  if (!status) return report;
  return hasEnded(status)
    ? { ...report, status, ended_at_ms: at, active_phases: [], active_since_ms: [], listening: [] }
    : { ...report, status };
}
