/** What runs on the device: its engines, its connections to peers, its agent. */

import { type ReactNode, useState } from "react";
import { useMay, useTell } from "../../app/asking";
import {
  DEVICE_INFO,
  type DeviceInfo,
  type InstalledFlow,
  type LinkReport,
  PRUNE_IMAGES,
  RESTART_AGENT,
} from "../../contract";
import { bytesText } from "../../device/amounts";
import { t } from "../../texts";
import { Ago, Button, Facts, Panel, Problem, Quiet, Status } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { type Column, Table } from "../../ui/Table";
import { useToast } from "../../ui/toasts";
import { FLOW_TONES } from "./InstalledFlows";
import { useInfo } from "./info";
import type { PartProps } from "./parts";

const words = t.device.containers;

export function ContainersPart({ device, isOnline }: PartProps) {
  const { data, problem, isStale } = useInfo(device, isOnline);
  const isOld = isStale || isOnline === false;
  return (
    <>
      {isOnline === false && <Quiet>{data ? t.device.offline : t.device.notAsked}</Quiet>}
      {isOnline !== false && problem && <Problem>{problem}</Problem>}
      {!data && !problem && isOnline !== false && <Quiet>{t.ui.loading}</Quiet>}
      {data && (
        <>
          <Panel title={words.engines} name="engines" isStale={isOld}>
            {data.flows.length === 0 ? (
              <Quiet>{t.device.flows.none}</Quiet>
            ) : (
              <Table
                label={words.engines}
                name="engine"
                columns={ENGINES}
                rows={data.flows}
                keyOf={({ flow }) => flow}
                data={({ flow, state }) => ({ "data-flow": flow, "data-state": state })}
              />
            )}
          </Panel>
          <Panel title={words.links} isStale={isOld}>
            {data.links.length === 0 ? (
              <Quiet>{words.noLinks}</Quiet>
            ) : (
              <Table
                label={words.links}
                name="peer"
                columns={LINKS}
                rows={data.links}
                keyOf={({ connection }) => connection}
                data={({ connected }) => ({ "data-connected": connected })}
              />
            )}
          </Panel>
        </>
      )}
      <Panel
        title={words.agent}
        name="agent"
        isStale={isOld}
        actions={<Deeds {...{ device, isOnline }} />}
      >
        {data && <Facts facts={agentFacts(data)} />}
      </Panel>
    </>
  );
}

function agentFacts(info: DeviceInfo): readonly (readonly [string, ReactNode])[] {
  const { version, started_at_ms, memory_bytes, disk_bytes, disk_free_bytes } = info;
  return [
    [words.version, version],
    [words.started, <Ago key="started" ms={started_at_ms} />],
    [words.memory, bytesText(memory_bytes)],
    [words.disk, words.free(bytesText(disk_free_bytes), bytesText(disk_bytes))],
    [words.tags, info.bad_tags > 0 ? words.tagsBad(info.tags, info.bad_tags) : info.tags],
  ];
}

const ENGINES: readonly Column<InstalledFlow>[] = [
  {
    id: "flow",
    title: words.columns.flow,
    width: "minmax(7rem, 1fr)",
    cell: ({ flow, version }) => t.device.flows.version(flow, version),
    sort: ({ flow }) => flow,
  },
  {
    id: "state",
    title: words.columns.state,
    width: "6.5rem",
    cell: ({ state }) => <Status tone={FLOW_TONES[state]}>{t.device.flows.state[state]}</Status>,
    sort: ({ state }) => state,
  },
  {
    id: "engine",
    title: words.columns.engine,
    width: "minmax(9rem, 2fr)",
    cell: ({ engine }) => (
      <span className="mono" title={engine}>
        {engine || t.fleet.none}
      </span>
    ),
    onPhone: false,
  },
  {
    id: "runtime",
    title: words.columns.runtime,
    width: "6.5rem",
    cell: ({ runtime }) => words.runtime[runtime],
    onPhone: false,
  },
  {
    id: "restarts",
    title: words.columns.restarts,
    width: "5rem",
    align: "right",
    cell: ({ restarts = 0 }) => (restarts > 0 ? <strong>{restarts}</strong> : 0),
    sort: ({ restarts = 0 }) => restarts,
    onPhone: false,
  },
  {
    id: "detail",
    title: words.columns.detail,
    width: "minmax(6rem, 1.5fr)",
    cell: ({ detail, last_fall }) => <span title={detail || last_fall}>{detail || last_fall}</span>,
  },
];

const LINKS: readonly Column<LinkReport>[] = [
  {
    id: "connection",
    title: words.columns.connection,
    width: "minmax(7rem, 1fr)",
    cell: ({ connection }) => connection,
    sort: ({ connection }) => connection,
  },
  {
    id: "state",
    title: words.columns.state,
    width: "7rem",
    cell: ({ connected }) => (
      <Status tone={connected ? "normal" : "bad"}>
        {connected ? words.connected : words.down}
      </Status>
    ),
    sort: ({ connected }) => Number(connected),
  },
  {
    id: "tags",
    title: words.columns.tags,
    width: "4rem",
    align: "right",
    cell: ({ tags }) => tags,
    sort: ({ tags }) => tags,
    onPhone: false,
  },
  {
    id: "bad",
    title: words.columns.bad,
    width: "4rem",
    align: "right",
    cell: ({ bad_tags }) => (bad_tags > 0 ? <span className="problem">{bad_tags}</span> : 0),
    sort: ({ bad_tags }) => bad_tags,
  },
  {
    id: "detail",
    title: words.columns.detail,
    width: "minmax(6rem, 2fr)",
    cell: ({ detail }) => <span title={detail}>{detail}</span>,
    onPhone: false,
  },
];

function Deeds({ device, isOnline }: { device: string; isOnline: boolean | null }) {
  const [asked, setAsked] = useState<"restart" | "prune" | null>(null);
  const restart = useTell(RESTART_AGENT, DEVICE_INFO);
  const prune = useTell(PRUNE_IMAGES, DEVICE_INFO);
  const note = useToast();
  const close = () => setAsked(null);
  async function doRestart() {
    if (!(await restart.tell({}, { device }))) return;
    note(words.restarting(device));
    close();
  }
  async function doPrune() {
    const done = await prune.tell({}, { device });
    if (!done) return;
    note(words.pruned(bytesText(done.freed_bytes)));
    close();
  }
  return (
    <>
      {useMay(PRUNE_IMAGES) && (
        <Button disabled={isOnline === false} onClick={() => setAsked("prune")} data-testid="prune">
          {words.prune}
        </Button>
      )}
      {useMay(RESTART_AGENT) && (
        <Button
          disabled={isOnline === false}
          onClick={() => setAsked("restart")}
          data-testid="restart"
        >
          {words.restart}
        </Button>
      )}
      {asked === "restart" && (
        <FormDialog
          title={words.restartTitle(device)}
          name="restart-dialog"
          submit={words.restartSubmit}
          isDanger
          isBusy={restart.busy !== null}
          problem={restart.problem}
          onSubmit={() => void doRestart()}
          onClose={close}
        >
          <p>{words.restartEffect}</p>
        </FormDialog>
      )}
      {asked === "prune" && (
        <FormDialog
          title={words.pruneTitle(device)}
          name="prune-dialog"
          submit={words.pruneSubmit}
          isDanger
          isBusy={prune.busy !== null}
          problem={prune.problem}
          onSubmit={() => void doPrune()}
          onClose={close}
        >
          <p>{words.pruneEffect}</p>
        </FormDialog>
      )}
    </>
  );
}
