/**
 * The device page in states that are hard to reach, to be looked at while developing:
 * `npm run dev`, then /dev/?state=approval (running, approval, paused, viewer, offline,
 * cut). Not part of the build; the answers below are made up.
 */

import { createRoot } from "react-dom/client";
import "uplot/dist/uPlot.min.css";
import "../src/style/tokens.css";
import "../src/style/page.css";
import "../src/style/run.css";
import definition from "../../../examples/flows/bioreactor.json";
import {
  GET_DEVICE,
  GET_FLOW,
  HISTORY,
  LATEST,
  LIST_FLOWS,
  LIST_INSTALLED,
  RUN_EVENTS,
  RUN_STATUS,
  type RunReport,
  type Tag,
  TELEMETRY,
} from "../src/contract";
import { DevicePage } from "../src/view/DevicePage";
import { Banner, TopBar } from "../src/view/TopBar";
import type { Link } from "../src/wamp/link";

const state = new URLSearchParams(location.search).get("state") ?? "running";
const NOW = Date.now();

const tag = (name: string, unit: string, writable: boolean, node: string | null = null): Tag => ({
  tag: name,
  unit,
  type: "float",
  writable,
  node,
});
const tags: readonly Tag[] = [
  tag("temperature", "°C", false, "b505cf08-cc3f-4814-8d76-3dd23ad1ea35"),
  tag("temperature_setpoint", "°C", true, "8006ba5a-30cf-4d15-b4cb-34fda02e87e3"),
  tag("heater_output", "%", false),
  tag("dissolved_oxygen", "%", false),
  tag("ph", "", false),
  tag("level", "%", false),
  tag("stirrer_speed", "1/min", true),
  tag("aeration", "l/min", true),
];

const isInLoop = state !== "approval" && state !== "paused";
const report: RunReport = {
  run: "run_1",
  flow: "bioreactor",
  version: 3,
  status: state === "paused" ? "paused" : "running",
  started_at_ms: NOW - 140_000,
  ended_at_ms: null,
  active_phases: [isInLoop ? "phase_6" : "phase_2"],
  active_since_ms: [NOW - 60_000],
  listening: isInLoop
    ? [
        {
          listener: "eventListener_8",
          type: "TIMER",
          phase: "phase_6",
          due_at_ms: NOW + 31_000,
          remaining_ms: null,
        },
      ]
    : [
        {
          listener: "eventListener_3",
          type: "APPROVAL",
          phase: "phase_2",
          due_at_ms: null,
          remaining_ms: null,
        },
        {
          listener: "eventListener_4",
          type: "CONDITION",
          phase: "phase_2",
          due_at_ms: state === "paused" ? null : NOW + 14_000,
          remaining_ms: state === "paused" ? 14_000 : null,
        },
      ],
  activations: isInLoop ? { gateway_1: 1, gateway_2: 1 } : {},
  events: 12,
};

const happened: readonly [string, Record<string, unknown>][] = [
  ["EVENT_RECEIVED", { eventListenerId: "eventListener_1", forced: false }],
  ["FLOW_SIGNALED", { flowId: "flow_1" }],
  ["PHASE_STARTED", { phaseId: "phase_1" }],
  ["EVENT_LISTENER_ACTIVATED", { eventListenerId: "eventListener_2" }],
  ["EVENT_RECEIVED", { eventListenerId: "eventListener_2", forced: false }],
  ["FLOW_SIGNALED", { flowId: "flow_2" }],
  ["PHASE_STARTED", { phaseId: "phase_2" }],
  ...(isInLoop
    ? ([
        ["EVENT_RECEIVED", { eventListenerId: "eventListener_3", forced: false }],
        ["FLOW_SIGNALED", { flowId: "flow_3" }],
        ["FLOW_SIGNALED", { flowId: "flow_5" }],
        ["GATEWAY_ACTIVATED", { gatewayId: "gateway_1" }],
        ["FLOW_SIGNALED", { flowId: "flow_7" }],
        ["PHASE_STARTED", { phaseId: "phase_5" }],
        ["FLOW_SIGNALED", { flowId: "flow_8" }],
        ["FLOW_SIGNALED", { flowId: "flow_9" }],
        ["FLOW_SIGNALED", { flowId: "flow_10" }],
        ["EVENT_LISTENER_ACTIVATED", { eventListenerId: "eventListener_8" }],
        ["COMMAND_FAILED", { phaseId: "phase_6", commandId: "command_1", error: "no such node" }],
      ] as [string, Record<string, unknown>][])
    : []),
];

function valueAt(name: string, atMs: number): number {
  const s = atMs / 1000;
  if (name === "temperature_setpoint") return s % 240 < 120 ? 37 : 24;
  if (name === "temperature") return 31 + 6 * Math.sin(s / 40) + 0.05 * Math.sin(s * 7);
  return 50 + 10 * Math.sin(s / 60 + name.length) + Math.sin(s * 3) * 0.4;
}

function packed(column: { readonly buffer: ArrayBufferLike }): string {
  return `\0${btoa(String.fromCharCode(...new Uint8Array(column.buffer)))}`;
}

const answers: Record<string, (request: Record<string, unknown>) => unknown> = {
  [GET_DEVICE.uri]: () => ({
    report: {
      device: "virtual_1",
      kind: "virtual",
      online: state !== "offline",
      enrolled_at_ms: NOW,
      last_seen_at_ms: NOW,
      version: "0.1.0",
      runtime: "container",
    },
    facts: { hostname: "lab-3", os: "Linux 6.1", arch: "x86_64" },
    tags,
  }),
  [LIST_FLOWS.uri]: () => ({
    flows: [{ flow: "bioreactor", name: "", version: 4, saved_at_ms: NOW, saved_by: "ada" }],
  }),
  [GET_FLOW.uri]: () => ({ flow: "bioreactor", version: 3, definition }),
  [LIST_INSTALLED.uri]: () => ({
    flows: [
      {
        flow: "bioreactor",
        version: 3,
        runtime: "container",
        state: "ready",
        detail: "",
        engine: "heddle-virtual_1-bioreactor",
      },
    ],
  }),
  [RUN_STATUS.uri]: () => ({ runs: [report] }),
  [LATEST.uri]: () => ({
    values: {
      tags: tags.map(({ tag }) => tag),
      units: [""],
      types: ["float"],
      unit: packed(new Uint16Array(tags.length)),
      type: packed(new Uint8Array(tags.length)),
      at: packed(BigInt64Array.from(tags, () => BigInt(NOW) * 1000n)),
      value: packed(Float64Array.from(tags, ({ tag }) => valueAt(tag, NOW))),
      quality: packed(Uint8Array.from(tags, ({ tag }) => (tag === "level" ? 2 : 0))),
      texts: [],
    },
  }),
  [HISTORY.uri]: ({ tags: names, from_ms, to_ms, bucket_ms }) => ({
    series: (names as string[]).map((name) => {
      const at_ms: number[] = [];
      for (let at = Number(from_ms); at < Number(to_ms); at += Number(bucket_ms)) at_ms.push(at);
      return { tag: name, unit: "", at_ms, mean: at_ms.map((at) => valueAt(name, at)) };
    }),
  }),
  [RUN_EVENTS.uri]: ({ first }) => ({
    events: happened
      .map(([type, data], number) => ({
        id: `run_1:${number}`,
        type,
        createdAt: NOW - 140_000 + number * 7_000,
        number,
        data,
      }))
      .slice(Number(first)),
  }),
};

const link = {
  call: async ({ uri }: { uri: string }, request: Record<string, unknown>) =>
    answers[uri]?.(request),
  hear: async (
    { uri }: { uri: string },
    listener: (event: unknown, ids: Record<string, string>) => void,
  ) => {
    if (uri !== TELEMETRY.uri || state === "offline") return () => {};
    const timer = setInterval(() => {
      const at_ms = Date.now();
      const names = tags.map((one) => one.tag);
      const values = names.map((name) => valueAt(name, at_ms));
      const quality = names.map((name) => (name === "level" ? 2 : 0));
      listener({ at_ms, tags: names, values, quality }, {});
    }, 100);
    return () => clearInterval(timer);
  },
} as unknown as Link;

const session = {
  user: "ada",
  project: "default",
  realm: "project_default",
  role: state === "viewer" ? "viewer" : "owner",
  ticket: "",
  session: "",
  expires_at_ms: 0,
  received_at_ms: 0,
} as const;
const connection =
  state === "cut"
    ? ({
        at: "waiting",
        session,
        failures: 3,
        refusals: 0,
        why: "the router closed the connection",
        retry_at_ms: NOW + 5_000,
      } as const)
    : ({ at: "joined", session, renew_at_ms: 0 } as const);

const page = document.getElementById("page");
if (page) {
  createRoot(page).render(
    <>
      <TopBar connection={connection} session={session} onSignOut={() => {}} />
      <Banner connection={connection} onRetry={() => {}} />
      <main>
        <DevicePage
          device="virtual_1"
          isOnline={state !== "offline"}
          link={state === "cut" ? null : link}
          role={session.role}
        />
      </main>
    </>,
  );
}
