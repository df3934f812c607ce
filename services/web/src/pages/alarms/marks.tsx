/** How severe, how it stands: by shape and word, and colour only where somebody must act. */

import { HIDDEN, UNSEEN } from "../../alarms/deeds";
import { SEVERITIES, severityOf } from "../../alarms/severity";
import { stateText } from "../../alarms/words";
import type { AlarmReport, AlarmSeverity, AlarmState } from "../../contract";
import { t } from "../../texts";

const SHAPES: Readonly<Record<AlarmSeverity, string>> = {
  critical: "M8 1 15 8 8 15 1 8Z",
  high: "M8 1.5 15 14.5 1 14.5Z",
  medium: "M2 2H14V14H2Z",
  low: "M8 2A6 6 0 1 1 8 14A6 6 0 1 1 8 2Z",
};

export type Look = "call" | "seen" | "quiet"; // acts now, known, not to be acted on

export function lookOf(state: AlarmState): Look {
  if (HIDDEN.has(state) || state === "normal") return "quiet";
  return UNSEEN.has(state) ? "call" : "seen";
}

/** A shape of its own for each severity: filled while nobody has acknowledged. */
export function SeverityShape({ severity, look }: { severity: AlarmSeverity; look: Look }) {
  return (
    <svg
      className={`alarm-shape ${severity} ${look}`}
      viewBox="0 0 16 16"
      width="16"
      height="16"
      aria-hidden="true"
    >
      <path d={SHAPES[severity]} />
      <text x="8" y={severity === "high" ? 13 : 11.5}>
        {SEVERITIES.indexOf(severity) + 1}
      </text>
    </svg>
  );
}

export function SeverityMark({ severity, state }: Pick<AlarmReport, "severity" | "state">) {
  const name = severityOf(severity);
  return (
    <span className={`alarm-severity ${lookOf(state)}`}>
      <SeverityShape severity={name} look={lookOf(state)} />
      <span className="word">{t.alarms.severity[name]}</span>
    </span>
  );
}

export function StateText({ state }: { state: string }) {
  return <span className={`alarm-state ${lookOf(state as AlarmState)}`}>{stateText(state)}</span>;
}
