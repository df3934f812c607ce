/** One flow: its workflow, its versions and what changed between them, its releases. */

import { useState } from "react";
import { useAsk, useMay } from "../../app/asking";
import { address, go, type PageProps } from "../../app/routes";
import {
  ARCHIVE_FLOW,
  CLONE_FLOW,
  CREATE_DEPLOYMENT,
  DELETE_FLOW,
  type FlowVersion,
  GET_FLOW,
  LIST_VERSIONS,
  PUBLISH_FLOW,
  SAVE_FLOW,
} from "../../contract";
import { t } from "../../texts";
import { Button, PageHead, Problem, Quiet, Tabs } from "../../ui/basics";
import { Changes } from "./Changes";
import { Checks } from "./Checks";
import { CloneFlow, DescribeFlow, RemoveFlows } from "./dialogs";
import { LocalChanges } from "./LocalChanges";
import { Overview } from "./Overview";
import { Publish } from "./Publish";
import { Releases } from "./Releases";
import { Stage } from "./Stage";
import { Try } from "./Try";
import { type Deeds, useDeeds } from "./useDeeds";
import { Versions } from "./Versions";
import "./flows.css";

const words = t.flows.one;
const LOOK_EVERY_MS = 15_000;
const TABS = [
  "overview",
  "versions",
  "changes",
  "releases",
  "checks",
  "simulate",
  "local",
] as const;
type Tab = (typeof TABS)[number];

export default function FlowPage({ ids, query }: PageProps) {
  const { flow = "" } = ids;
  const newest = useAsk(GET_FLOW, { flow }, { everyMs: LOOK_EVERY_MS });
  const tab = TABS.find((one) => one === query.get("tab")) ?? "overview";
  const version = numberIn(query.get("version"));
  const place = { name: t.flows.title, href: "#/flows" };
  const { data, problem, isStale } = newest;
  return (
    <div className="flows-page" data-testid="flow" data-flow={flow} data-stale={isStale}>
      <PageHead
        title={data?.name || flow}
        place={place}
        note={
          data && (
            <>
              <Stage stage={data.stage} /> {words.version(data.version)}
            </>
          )
        }
      >
        {data && <FlowDeeds newest={data} />}
      </PageHead>
      {problem && <Problem name="flow-problem">{problem}</Problem>}
      {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
      {data && (
        <>
          {data.stage === "archived" && <Quiet name="is-archived">{words.archivedNote}</Quiet>}
          <Tabs
            label={words.tabs}
            tabs={TABS.map((one) => ({
              name: words[one],
              href: address(["flows", flow], { tab: one === "overview" ? null : one, version }),
              isOpen: one === tab,
            }))}
          />
          <Shown tab={tab} newest={data} version={version} query={query} />
        </>
      )}
    </div>
  );
}

interface ShownProps {
  readonly tab: Tab;
  readonly newest: FlowVersion;
  readonly version: number | null; // null: the newest
  readonly query: URLSearchParams;
}

function Shown({ tab, newest, version, query }: ShownProps) {
  const older = useAsk(
    GET_FLOW,
    { flow: newest.flow, version },
    { isWanted: version !== null && version !== newest.version },
  );
  const found = version === null || version === newest.version ? newest : older.data;
  switch (tab) {
    case "versions":
      return <Versions newest={newest} />;
    case "changes":
      return (
        <Changes
          newest={newest}
          before={numberIn(query.get("before"))}
          after={numberIn(query.get("after"))}
        />
      );
    case "releases":
      return <Releases flow={newest} />;
    case "local":
      return <LocalChanges flow={newest.flow} />;
    default:
      if (older.problem && !found) return <Problem>{older.problem}</Problem>;
      if (!found) return <Quiet>{t.ui.loading}</Quiet>;
  }
  switch (tab) {
    case "checks":
      return <Checks key={found.version} found={found} newest={newest} />;
    case "simulate":
      return <Try key={found.version} found={found} newest={newest} />;
    default:
      return <Overview found={found} newest={newest} />;
  }
}

/** What can be done with this flow by whoever looks at it. */
function FlowDeeds({ newest }: { readonly newest: FlowVersion }) {
  const { flow, version, stage, published } = newest;
  const [asked, setAsked] = useState<"publish" | "clone" | "remove" | "describe" | null>(null);
  const deeds = useDeeds();
  const versions = useAsk(LIST_VERSIONS, { flow });
  const [maySave, mayPublish, mayDeploy] = [
    useMay(SAVE_FLOW),
    useMay(PUBLISH_FLOW),
    useMay(CREATE_DEPLOYMENT),
  ];
  const released = versions.data?.versions.find((one) => one.published)?.version ?? null;
  const isArchived = stage === "archived";
  const close = () => setAsked(null);
  return (
    <>
      <Button onClick={() => go(address(["flows", flow, "design"]))} data-testid="flow-edit">
        {maySave && !isArchived ? t.flows.deed.edit : t.flows.deed.view}
      </Button>
      {mayPublish && !published && !isArchived && (
        <Button look="primary" onClick={() => setAsked("publish")} data-testid="flow-publish">
          {t.flows.deed.publish}
        </Button>
      )}
      {mayDeploy && released !== null && !isArchived && (
        <Button
          look={published ? "primary" : undefined}
          onClick={() => go(address(["deployments", "new"], { flow, version: released }))}
          data-testid="flow-deploy"
        >
          {t.flows.deed.deploy}
        </Button>
      )}
      <More newest={newest} deeds={deeds} isReleased={released !== null} onAsk={setAsked} />
      {deeds.problem && asked === null && <Problem>{deeds.problem}</Problem>}
      {asked === "publish" && <Publish found={newest} onClose={close} />}
      {asked === "describe" && <DescribeFlow found={newest} onClose={close} />}
      {asked === "clone" && (
        <CloneFlow flow={flow} name={newest.name} version={version} onClose={close} />
      )}
      {asked === "remove" && (
        <RemoveFlows flows={[flow]} deeds={deeds} onClose={close} onDone={() => go("#/flows")} />
      )}
    </>
  );
}

/** The deeds that are done less often. */
function More({
  newest,
  deeds,
  isReleased,
  onAsk,
}: {
  readonly newest: FlowVersion;
  readonly deeds: Deeds;
  readonly isReleased: boolean;
  readonly onAsk: (asked: "clone" | "remove" | "describe") => void;
}) {
  const { flow, version, stage } = newest;
  const [maySave, mayClone] = [useMay(SAVE_FLOW), useMay(CLONE_FLOW)];
  const [mayArchive, mayRemove] = [useMay(ARCHIVE_FLOW), useMay(DELETE_FLOW)];
  const isArchived = stage === "archived";
  const offered = [
    {
      name: "describe",
      is: maySave && !isArchived,
      text: t.flows.deed.describe,
      act: () => onAsk("describe"),
    },
    { name: "clone", is: mayClone, text: t.flows.deed.clone, act: () => onAsk("clone") },
    {
      name: "download",
      is: true,
      text: t.flows.deed.download,
      act: () => void deeds.download([flow], version),
    },
    {
      name: "archive",
      is: mayArchive && !isArchived,
      text: t.flows.deed.archive,
      act: () => void deeds.archive([flow]),
    },
    {
      name: "restore",
      is: mayArchive && isArchived,
      text: t.flows.deed.restore,
      act: () => void deeds.restore([flow]),
    },
    {
      name: "remove",
      is: mayRemove && !isReleased,
      text: t.flows.deed.remove,
      act: () => onAsk("remove"),
    },
  ];
  return offered
    .filter(({ is }) => is)
    .map(({ name, text, act }) => (
      <Button
        key={name}
        look="plain"
        onClick={act}
        isBusy={deeds.busy === name}
        data-testid={`flow-${name}`}
      >
        {text}
      </Button>
    ));
}

function numberIn(text: string | null): number | null {
  const number = Number(text);
  return text && Number.isInteger(number) && number > 0 ? number : null;
}
