/** A version simulated beside its graph. */

import { useState } from "react";
import { replaceQuery } from "../../app/routes";
import type { FlowVersion } from "../../contract";
import type { Highlight } from "../../design/highlight";
import { t } from "../../texts";
import { Panel } from "../../ui/basics";
import { FlowGraph } from "./FlowGraph";
import { Simulate } from "./Simulate";
import { VersionChoice } from "./VersionChoice";

interface Props {
  readonly found: FlowVersion;
  readonly newest: FlowVersion;
}

export function Try({ found, newest }: Props) {
  const [highlight, setHighlight] = useState<Highlight | null>(null);
  return (
    <div className="flows-beside">
      <Panel
        title={t.flows.simulate.title}
        actions={
          <VersionChoice
            newest={newest}
            version={found.version}
            onChange={(version) => replaceQuery({ tab: "simulate", version })}
          />
        }
      >
        <Simulate definition={found.definition} onHighlight={setHighlight} />
      </Panel>
      <Panel title={t.flows.one.graph(found.version)} className="flows-sticky">
        <FlowGraph definition={found.definition} highlight={highlight} />
      </Panel>
    </div>
  );
}
