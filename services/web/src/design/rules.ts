// Made from heddle/workflow by `python -m heddle.workflow.typescript`: do not edit.

/** What a listener waits for. */
export const LISTENERS = ["START", "TIMER", "APPROVAL", "CONDITION"] as const;

/** How a gateway passes signals on. */
export const GATEWAYS = ["AND", "OR", "CONDITIONAL"] as const;

/** What a dispatcher does. */
export const DISPATCHERS = ["END", "ALERT"] as const;

/** Between two operands. */
export const OPERATORS = ["==", "<", "<=", ">", ">="] as const;

/** Between conditions. */
export const JOINTS = ["AND", "OR"] as const;

/** What a variable's value is. */
export const VARIABLE_TYPES = ["number", "integer", "boolean", "text"] as const;

/** The fields in which a variable may stand. */
export const PLACES = ["allowedDeviation", "consecutiveTimeMS", "durationInMS", "left", "right", "sustainTimeInMS", "target"] as const;

/** The fields each kind of element has. */
export const FIELDS: Readonly<Record<string, readonly string[]>> = {
  "EVENT_LISTENER/START": ["id", "elementType", "type", "phaseId", "interrupting"],
  "EVENT_LISTENER/TIMER": ["id", "elementType", "type", "phaseId", "interrupting", "durationInMS"],
  "EVENT_LISTENER/APPROVAL": ["id", "elementType", "type", "phaseId", "interrupting"],
  "EVENT_LISTENER/CONDITION": ["id", "elementType", "type", "phaseId", "interrupting", "condition"],
  "EVENT_DISPATCHER/END": ["id", "elementType", "type"],
  "EVENT_DISPATCHER/ALERT": ["id", "elementType", "type"],
  "GATEWAY/AND": ["id", "elementType", "type"],
  "GATEWAY/OR": ["id", "elementType", "type"],
  "GATEWAY/CONDITIONAL": ["id", "elementType", "type", "condition", "trueFlowId", "falseFlowId"],
  "PHASE": ["id", "elementType", "commands"],
  "FLOW": ["id", "elementType", "srcId", "destId"],
};

/** Which elements a link may join. */
export const LEADS_TO: Readonly<Record<string, readonly string[]>> = {
  "EVENT_LISTENER": ["EVENT_LISTENER", "GATEWAY", "EVENT_DISPATCHER", "PHASE"],
  "GATEWAY": ["EVENT_LISTENER", "GATEWAY", "EVENT_DISPATCHER", "PHASE"],
  "EVENT_DISPATCHER": [],
  "PHASE": [],
};

/** Those that at most one link may leave. */
export const LEAD_ONCE = ["EVENT_LISTENER"] as const;

/** Whether an element may lead to itself. */
export const MAY_LEAD_TO_ITSELF = false;
