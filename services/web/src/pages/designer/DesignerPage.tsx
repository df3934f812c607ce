/** A flow as its author draws it: `#/flows/{flow}/design`; a new one with `?new=1`. */

import { useMemo, useRef } from "react";
import { useAsk, useScope } from "../../app/asking";
import { address, type PageProps } from "../../app/routes";
import { ERRORS, GET_FLOW } from "../../contract";
import { definitionOf, emptyDefinition } from "../../design/document";
import { shelf } from "../../design/draft";
import { t } from "../../texts";
import { PageHead, Problem, Quiet } from "../../ui/basics";
import { FleetError } from "../../wamp/errors";
import { Designer } from "./Designer";
import "./designer.css";

const LOOK_EVERY_MS = 20_000;

export default function DesignerPage({ ids, query }: PageProps) {
  const flow = ids.flow ?? "";
  const { session } = useScope();
  const asked = useAsk(GET_FLOW, { flow }, { everyMs: LOOK_EVERY_MS });
  const kept = useMemo(() => shelf(localStorage, session.project, flow), [session.project, flow]);
  const isAbsent = asked.error instanceof FleetError && asked.error.uri === ERRORS.FlowNotFound;
  const isNew = isAbsent && (query.has("new") || kept.draft() !== null);
  const begun = useRef<string | null>(null); // a new flow stays one while it is asked for again
  if (isNew) begun.current = flow;
  if (asked.data || begun.current === flow) {
    const latest = asked.data ?? null;
    const definition = latest ? definitionOf(latest.definition) : emptyDefinition(flow);
    const called = query.get("name") ?? "";
    if (definition) {
      return <Designer key={flow} {...{ flow, latest, definition, kept, called }} />;
    }
  }
  return (
    <>
      <PageHead
        title={t.designer.title(flow)}
        place={{ name: t.places.flows, href: address(["flows"]) }}
      />
      {isAbsent ? (
        <p>
          {t.designer.absent}{" "}
          <a href={address(["flows", flow, "design"], { new: 1 })} data-testid="begin-flow">
            {t.designer.beginIt}
          </a>
        </p>
      ) : asked.data ? (
        <Problem>{t.designer.undrawable}</Problem>
      ) : asked.problem ? (
        <Problem>{asked.problem}</Problem>
      ) : (
        <Quiet>{t.ui.loading}</Quiet>
      )}
    </>
  );
}
