/** What a flow is: its workflow drawn, its facts, its variables, where it was deployed. */

import { useAsk } from "../../app/asking";
import { address, replaceQuery } from "../../app/routes";
import { type FlowVersion, LIST_DEPLOYMENTS, LIST_VERSIONS } from "../../contract";
import { toneOf } from "../../deployments/standing";
import { t } from "../../texts";
import { Facts, Moment, Panel, Problem, Quiet, Status } from "../../ui/basics";
import { Table } from "../../ui/Table";
import { FlowGraph } from "./FlowGraph";
import { VersionChoice } from "./VersionChoice";

const words = t.flows.one;
const MOST_DEPLOYMENTS = 5;

interface Props {
  readonly found: FlowVersion;
  readonly newest: FlowVersion;
}

export function Overview({ found, newest }: Props) {
  return (
    <>
      <Panel
        title={words.graph(found.version)}
        actions={
          <VersionChoice
            newest={newest}
            version={found.version}
            onChange={(version) =>
              replaceQuery({ version: version === newest.version ? null : version })
            }
          />
        }
      >
        <FlowGraph definition={found.definition} />
        <details>
          <summary>{words.asJson}</summary>
          <pre className="flows-json" data-testid="flow-json">
            {JSON.stringify(found.definition, null, 2)}
          </pre>
        </details>
      </Panel>
      <div className="flows-columns">
        <About found={found} />
        <Variables definition={found.definition} />
        <Deployments flow={found.flow} />
      </div>
    </>
  );
}

function About({ found }: { readonly found: FlowVersion }) {
  const { flow, labels, description } = found;
  const { data } = useAsk(LIST_VERSIONS, { flow });
  const released = data?.versions.find((one) => one.published)?.version;
  return (
    <Panel title={words.facts} name="flow-facts">
      <Facts
        facts={[
          [words.id, <code key="id">{flow}</code>],
          [
            words.description,
            <span key="text" className="flows-text">
              {description || words.nothing}
            </span>,
          ],
          [words.labels, labels.join(", ") || words.nothing],
          [words.released, released ? words.version(released) : words.notReleased],
          [
            words.made,
            <span key="made">
              <Moment ms={found.created_at_ms} /> {words.by(found.created_by)}
            </span>,
          ],
          [
            words.changed,
            <span key="saved">
              <Moment ms={found.saved_at_ms} /> {words.by(found.saved_by)}
            </span>,
          ],
        ]}
      />
    </Panel>
  );
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly value: string;
  readonly description: string;
}

function Variables({ definition }: { readonly definition: FlowVersion["definition"] }) {
  const listed = Array.isArray(definition.variables) ? definition.variables : [];
  const text = (value: unknown) => (value === undefined || value === null ? "" : String(value));
  const variables: Variable[] = listed
    .filter((one) => typeof one === "object" && one !== null)
    .map(({ name, type, value, description }) => ({
      name: text(name),
      type: text(type),
      value: text(value),
      description: text(description),
    }));
  return (
    <Panel title={t.flows.variables.title} name="flow-variables">
      {variables.length === 0 ? (
        <Quiet>{t.flows.variables.none}</Quiet>
      ) : (
        <Table
          label={t.flows.variables.title}
          name="variable"
          columns={[
            { id: "name", title: t.flows.variables.name, cell: ({ name }) => <code>{name}</code> },
            { id: "type", title: t.flows.variables.type, cell: ({ type }) => type },
            { id: "value", title: t.flows.variables.value, cell: ({ value }) => value },
            {
              id: "description",
              title: t.flows.variables.description,
              cell: ({ description }) => description,
              width: "minmax(5rem, 1.6fr)",
              onPhone: false,
            },
          ]}
          rows={variables}
          keyOf={({ name }) => name}
        />
      )}
    </Panel>
  );
}

function Deployments({ flow }: { readonly flow: string }) {
  const { data, problem, isStale } = useAsk(LIST_DEPLOYMENTS, { flow, most: MOST_DEPLOYMENTS });
  const used = t.flows.used;
  return (
    <Panel title={used.title} name="flow-deployments" isStale={isStale}>
      {problem && <Problem>{problem}</Problem>}
      {data?.deployments.length === 0 && <Quiet>{used.none}</Quiet>}
      {data && data.deployments.length > 0 && (
        <Table
          label={used.title}
          name="flow-deployment"
          columns={[
            {
              id: "deployment",
              title: used.deployment,
              cell: ({ deployment }) => (
                <a href={address(["deployments", deployment])}>{deployment}</a>
              ),
            },
            { id: "version", title: used.version, cell: ({ version }) => version, width: "4.5rem" },
            {
              id: "status",
              title: used.status,
              cell: (one) => <Status tone={toneOf(one)}>{t.deployments.status[one.status]}</Status>,
            },
            {
              id: "at",
              title: used.at,
              cell: ({ started_at_ms }) => <Moment ms={started_at_ms} />,
              onPhone: false,
            },
          ]}
          rows={data.deployments}
          keyOf={({ deployment }) => deployment}
        />
      )}
      {data?.more && <a href={address(["deployments"], { flow })}>{used.all}</a>}
    </Panel>
  );
}
