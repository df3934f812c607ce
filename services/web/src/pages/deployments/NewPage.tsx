/** A new deployment: the form, and beside it what it would do. */

import { useMemo, useRef, useState } from "react";
import { useAsk, useMay, useTell } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { address, go, type PageProps } from "../../app/routes";
import {
  CREATE_DEPLOYMENT,
  GET_DEPLOYMENT,
  GET_FLOW,
  LIST_DEPLOYMENTS,
  LIST_FLOWS,
  LIST_RELEASES,
  PREVIEW_DEPLOYMENT,
  type StrategyConfig,
  type StrategyKind,
} from "../../contract";
import {
  type Faults,
  type Form,
  faultsOf,
  formLike,
  formOf,
  missingIn,
  previewOf,
  requestOf,
  WRITTEN,
} from "../../deployments/form";
import { fieldsOf, type Refusal, refusalOf } from "../../deployments/refusal";
import { declaredIn, type Variable } from "../../deployments/variables";
import { t } from "../../texts";
import { PageHead, Panel, Problem, Quiet } from "../../ui/basics";
import { useToast } from "../../ui/toasts";
import { Advanced } from "./Advanced";
import type { FormPart } from "./part";
import { ReleaseFields } from "./ReleaseFields";
import { BeginFields, StrategyFields } from "./StrategyFields";
import { TargetFields } from "./TargetFields";
import { useSettled } from "./useSettled";
import { WhatItWouldDo } from "./WhatItWouldDo";
import "./deployments.css";

const words = t.deployments.form;
const PLACE = { name: t.deployments.title, href: "#/deployments" };
const SETTLE_MS = 300;
const LOOK_EVERY_MS = 10_000; // devices come and go
const PREVIEWED = [...WRITTEN, "windows"]; // what has a say in the waves

/** `?like=dep_…&version=1` begins with the plan of another deployment. */
export default function NewPage({ query }: PageProps) {
  const like = query.get("like") ?? "";
  const { data, problem } = useAsk(
    GET_DEPLOYMENT,
    { deployment: like, most: 1 },
    { isWanted: like !== "" },
  );
  const mayCreate = useMay(CREATE_DEPLOYMENT);
  const asked = query.toString();
  const former = data?.report;
  const first = useMemo(() => {
    const plain = formOf(new URLSearchParams(asked));
    return former ? formLike(former, plain.version) : plain;
  }, [asked, former]);
  if (!mayCreate) {
    return (
      <>
        <PageHead title={words.title} place={PLACE} />
        <Quiet name="may-not">{words.mayNot}</Quiet>
      </>
    );
  }
  return (
    <>
      <PageHead title={words.title} place={PLACE} />
      {problem && <Problem>{problem}</Problem>}
      {like !== "" && !former && !problem && <Quiet>{words.loadingLike}</Quiet>}
      {former && (
        <Quiet name="like">{words.like(t.deployments.release(former.flow, former.version))}</Quiet>
      )}
      {(like === "" || former || problem) && (
        <NewForm key={former ? `like ${asked}` : asked} first={first} />
      )}
    </>
  );
}

function NewForm({ first }: { readonly first: Form }) {
  const [form, setForm] = useState(first);
  const { flows, releases, variables } = useReleases(form);
  const { devices } = useDevices();
  const create = useTell(CREATE_DEPLOYMENT, LIST_DEPLOYMENTS);
  const key = useKeyOf();
  const note = useToast();
  const written = faultsOf(form, variables);
  const preview = usePreview(form, written);
  const fields = new Set(fieldsOf(form, variables ?? []));
  if (preview.data) fields.delete("labels"); // they were right: it is about others
  const refused = refusalOf(create.error, fields);
  const faults = { ...preview.refusal.faults, ...refused.faults, ...written };
  function change(change: Partial<Form>) {
    create.forget();
    setForm((known) => ({ ...known, ...change }));
  }
  async function send() {
    const request = requestOf(form, variables, key.of(form));
    if (!request) return;
    const made = await create.tell(request);
    if (!made) return;
    note(words.made);
    go(address(["deployments", made.deployment]));
  }
  const part: FormPart = { form, faults, change };
  return (
    <form
      className="deployments-new"
      onSubmit={(event) => event.preventDefault()}
      data-testid="new-deployment"
    >
      <div>
        <Panel title={words.release}>
          <ReleaseFields {...part} flows={flows} releases={releases} />
        </Panel>
        <Panel title={words.who}>
          <TargetFields {...part} devices={devices ?? []} />
        </Panel>
        <Panel title={words.strategy}>
          <StrategyFields {...part} config={preview.config} />
        </Panel>
        <Panel title={words.begins}>
          <BeginFields {...part} />
        </Panel>
        <Advanced {...part} config={preview.config} variables={variables} devices={devices ?? []} />
      </div>
      <Panel title={words.preview} className="deployments-aside" isStale={preview.isStale}>
        <WhatItWouldDo
          form={form}
          preview={preview.data ?? null}
          isAsking={preview.isAsking}
          devices={devices ?? []}
          refusal={create.error ? refused : preview.refusal}
          missing={missingIn(form)}
          isRight={Object.keys(written).length === 0 && !preview.isRefused}
          isBusy={create.busy !== null}
          onSend={() => void send()}
        />
      </Panel>
    </form>
  );
}

function useReleases(form: Form) {
  const flows = useAsk(LIST_FLOWS, {});
  const releases = useAsk(LIST_RELEASES, { flow: form.flow }, { isWanted: form.flow !== "" });
  const version = form.version ?? releases.data?.releases[0]?.version;
  const released = useAsk(
    GET_FLOW,
    { flow: form.flow, version: version ?? null },
    { isWanted: form.flow !== "" && version !== undefined },
  );
  const definition = released.data?.definition;
  const variables = useMemo<readonly Variable[] | null>(
    () => (definition ? declaredIn(definition) : null),
    [definition],
  );
  return {
    flows: flows.data?.flows.filter((one) => one.published_version !== null) ?? null,
    releases: releases.data?.releases ?? null,
    variables,
  };
}

/** Asked while somebody fills in the form, a moment after each change. */
function usePreview(form: Form, written: Faults) {
  const settled = useSettled(form, SETTLE_MS);
  const request = previewOf(settled);
  const isWanted = request !== null && !PREVIEWED.some((name) => written[name]);
  const asked = useAsk(
    PREVIEW_DEPLOYMENT,
    request ?? { targets: { devices: [], labels: null, all: false, dynamic: false } },
    { isWanted, keeps: true, everyMs: LOOK_EVERY_MS },
  );
  const isThere = request !== null;
  const known = useRef<{ strategy: StrategyKind; config: StrategyConfig } | null>(null);
  if (asked.data && !asked.isAsking) {
    known.current = { strategy: settled.strategy, config: asked.data.config };
  }
  const refusal: Refusal = refusalOf(isThere ? asked.error : null, fieldsOf(form, []));
  return {
    data: isThere ? asked.data : undefined,
    config: known.current?.strategy === form.strategy ? known.current.config : undefined,
    isAsking: asked.isAsking,
    isStale: asked.isStale && asked.data !== undefined,
    isRefused: isThere && asked.error !== null,
    refusal,
  };
}

/** A repeat of the same request, after a lost link, gives the same deployment. */
function useKeyOf() {
  const known = useRef({ of: "", key: "" });
  return {
    of(form: Form): string {
      const text = JSON.stringify(form);
      if (known.current.of !== text) known.current = { of: text, key: newKey() };
      return known.current.key;
    },
  };
}

function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `page-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
