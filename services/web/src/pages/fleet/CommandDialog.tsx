/** One command to the selected devices: which flow, what to expect, what became of it. */

import { useMemo, useState } from "react";
import { useAsk, useTell } from "../../app/asking";
import {
  COMMAND_FLEET,
  type FleetResults,
  type FleetVerb,
  LIST_FLOWS,
  RUNS,
  type StopMode,
} from "../../contract";
import { expected, type FleetRow, usualFlow } from "../../device/fleet";
import { t } from "../../texts";
import { Field, Quiet } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { Results } from "./Results";

interface Props {
  readonly verb: FleetVerb;
  readonly rows: readonly FleetRow[];
  readonly knowsRuns: boolean;
  readonly onRetry: (devices: readonly string[]) => void;
  readonly onClose: () => void;
}

const WITHIN_MS = 20_000; // the call itself is given up after 30 s
const MOST_FLOWS = 1_000;
const words = t.fleet.command;

function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `page_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export function CommandDialog({ verb, rows: given, knowsRuns, onRetry, onClose }: Props) {
  const [rows] = useState(given); // what was selected when the dialog was opened
  const devices = useMemo(() => rows.map(({ report }) => report.device), [rows]);
  const flows = useAsk(LIST_FLOWS, { most: MOST_FLOWS });
  const { tell, busy, problem } = useTell(COMMAND_FLEET, RUNS);
  const [chosen, setChosen] = useState<string | null>(null);
  const [mode, setMode] = useState<StopMode>("soft");
  const [listener, setListener] = useState("");
  const [comment, setComment] = useState("");
  const [results, setResults] = useState<FleetResults | null>(null);
  const choices = flows.data?.flows.filter(({ stage }) => stage !== "archived") ?? [];
  const flow = chosen ?? usualFlow(rows) ?? choices[0]?.flow ?? "";
  // Sent again after a lost answer it is the same command: nothing is done twice.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another command, another key
  const key = useMemo(newKey, [flow, mode, listener, comment]);
  const { told, offline, fitting } = expected(verb, flow, rows);

  async function send() {
    const targets = { devices, labels: null, all: false, dynamic: false };
    const special =
      verb === "stop"
        ? { mode }
        : verb === "approve"
          ? { comment: comment.trim(), listener: listener.trim() || null }
          : {};
    setResults(await tell({ verb, flow, targets, within_ms: WITHIN_MS, key, ...special }));
  }

  if (results) {
    return (
      <Results
        what={`${t.fleet.verbs[verb]} ${flow}`}
        results={results.results}
        counts={results.counts}
        all={devices.length}
        isOver
        onRetry={onRetry}
        onClose={onClose}
      />
    );
  }
  return (
    <FormDialog
      title={words.title(verb, devices.length)}
      name="command"
      submit={words.submit(verb, devices.length)}
      isBusy={busy !== null}
      isDanger={verb === "stop"}
      isReady={flow !== ""}
      problem={problem ?? flows.problem}
      onSubmit={() => void send()}
      onClose={onClose}
    >
      <p>{words.effect[verb]}</p>
      {flows.data && choices.length === 0 && <Quiet>{words.noFlow}</Quiet>}
      <Field label={words.flow}>
        <select
          value={flow}
          onChange={({ target }) => setChosen(target.value)}
          data-testid="command-flow"
        >
          {[...new Set([...choices.map((one) => one.flow), flow])].filter(Boolean).map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </Field>
      {verb === "stop" && (
        <Field label={words.mode}>
          <select
            value={mode}
            onChange={({ target }) => setMode(target.value === "hard" ? "hard" : "soft")}
            data-testid="command-mode"
          >
            <option value="soft">{words.soft}</option>
            <option value="hard">{words.hard}</option>
          </select>
        </Field>
      )}
      {verb === "approve" && (
        <>
          <Field label={words.comment}>
            <input
              value={comment}
              maxLength={500}
              autoComplete="off"
              onChange={({ target }) => setComment(target.value)}
              data-testid="command-comment"
            />
          </Field>
          <Field label={words.listener} hint={words.listenerHint}>
            <input
              value={listener}
              autoComplete="off"
              onChange={({ target }) => setListener(target.value)}
              data-testid="command-listener"
            />
          </Field>
        </>
      )}
      <p data-testid="command-expect" role="status">
        {knowsRuns
          ? words.expect(verb, told, fitting, offline)
          : words.expectUnknown(told, offline)}
      </p>
    </FormDialog>
  );
}
