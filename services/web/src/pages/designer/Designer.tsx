/** The designer of one flow: the drawing, what stands beside it, and the deeds above. */

import { ReactFlowProvider, useReactFlow } from "@xyflow/react";
import {
  type KeyboardEvent,
  lazy,
  Suspense,
  useCallback,
  useEffect,
  useMemo,
  useState,
} from "react";
import { useMay } from "../../app/asking";
import { address } from "../../app/routes";
import { type CheckedFinding, type FlowVersion, SAVE_FLOW } from "../../contract";
import {
  type Definition,
  definitionOf,
  emptyDefinition,
  isSame,
  partOf,
  variablesOf,
} from "../../design/document";
import type { Shelf } from "../../design/draft";
import type { Highlight } from "../../design/highlight";
import { t } from "../../texts";
import { Button, PageHead, Problem, Quiet } from "../../ui/basics";
import { useToast } from "../../ui/toasts";
import { CounterExample } from "../flows/CounterExample";
import { AboutPanel } from "./AboutPanel";
import { Canvas, FIT } from "./Canvas";
import { ElementPanel } from "./ElementPanel";
import { FindingsPanel } from "./FindingsPanel";
import { useLeaving } from "./leaving";
import { Palette } from "./Palette";
import { ConflictDialog, LeaveDialog, PublishDialog } from "./SavingDialogs";
import { useDeeds } from "./useDeeds";
import { useDesign } from "./useDesign";
import { useFindings } from "./useFindings";
import { type About, aboutOf, useSaving } from "./useSaving";
import { useTags } from "./useTags";
import { VariablesPanel } from "./VariablesPanel";

const JsonPanel = lazy(() => import("./JsonPanel"));
const Simulate = lazy(() =>
  import("../flows/Simulate").then((module) => ({ default: module.Simulate })),
);

interface Props {
  readonly flow: string;
  readonly latest: FlowVersion | null; // as the centre has it; null: the flow is new
  readonly definition: Definition;
  readonly kept: Shelf;
  readonly called: string; // the name a new flow was asked for by; "" for none
}

const TABS = ["element", "findings", "variables", "json", "simulate", "about"] as const;
type Tab = (typeof TABS)[number];
const REASON_MS = 8_000;

export function Designer(props: Props) {
  return (
    <ReactFlowProvider>
      <Desk {...props} />
    </ReactFlowProvider>
  );
}

function Desk({ flow, latest, definition: opened, kept, called }: Props) {
  const mayEdit = useMay(SAVE_FLOW);
  const [restored, setRestored] = useState(() => (mayEdit ? kept.draft() : null));
  const [first] = useState({ opened, latest });
  const isReadOnly = !mayEdit || latest?.stage === "archived";
  const design = useDesign(restored?.definition ?? opened, kept);
  const { definition } = design;
  const [about, setAbout] = useState<About>(() => aboutOf(latest, flow, called));
  const tags = useTags();
  const found = useFindings(definition);
  const [tab, setTab] = useState<Tab>("element");
  const [isPublishing, setPublishing] = useState(false);
  const [playing, setPlaying] = useState<CheckedFinding | null>(null);
  const [highlight, setHighlight] = useState<Highlight | null>(null);
  const [reason, setReason] = useState<string | null>(null);
  const note = useToast();
  const canvas = useReactFlow();

  // An edit that was kept began with an older revision: that is what it is saved over.
  const base = useMemo(() => {
    if (!first.latest || !restored) return first.latest;
    return { ...first.latest, revision: Math.min(restored.revision, first.latest.revision) };
  }, [first, restored]);
  const saving = useSaving({
    flow,
    opened: base,
    latest,
    definition,
    untouched: emptyDefinition(flow),
    about,
  });
  const { isDirty, theirs } = saving;
  const leaving = useLeaving(isDirty && !isReadOnly);

  const revision = saving.base?.revision ?? 0;
  useEffect(() => {
    if (isReadOnly) return;
    kept.keepDraft(isDirty ? { definition, revision, atMs: Date.now() } : null);
  }, [isReadOnly, isDirty, definition, revision, kept]);

  // What others changed is taken over, unless something here would be lost by it.
  const { accept } = saving;
  const isHarmless = theirs !== null && isSame(theirs.definition, saving.base?.definition);
  useEffect(() => {
    if (!theirs || (isDirty && !isHarmless)) return;
    accept(theirs);
    if (!isDirty) setAbout(aboutOf(theirs, flow));
    if (!isHarmless) design.edit((was) => definitionOf(theirs.definition) ?? was);
  }, [theirs, isDirty, isHarmless, accept, design, flow]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: both are about another drawing
  useEffect(() => {
    setPlaying(null);
    setReason(null);
  }, [definition]);

  useEffect(() => {
    if (reason === null) return;
    const timer = setTimeout(() => setReason(null), REASON_MS);
    return () => clearTimeout(timer);
  }, [reason]);

  async function save() {
    const before = saving.base?.version;
    const saved = await saving.save();
    if (!saved) return;
    setRestored(null);
    note(saved.version === before ? t.designer.kept : t.designer.saved(saved.version));
  }

  async function publish(words: string) {
    const release = await saving.publish(words);
    if (!release) return;
    setPublishing(false);
    setRestored(null);
    note(t.designer.published(release.version));
  }

  const deeds = useDeeds(design, isReadOnly, () => void save());
  const go = useCallback(
    (element: string) => {
      design.choose([element]);
      const part = partOf(definition, element);
      const ids = part && part.elementType === "FLOW" ? [part.srcId, part.destId] : [element];
      void canvas.fitView({ ...FIT, nodes: ids.map((id) => ({ id: String(id) })), maxZoom: 1 });
    },
    [design, definition, canvas],
  );
  const play = (finding: CheckedFinding) => {
    setPlaying(finding);
    setTab("findings");
    void canvas.fitView(FIT);
  };
  function takeTheirs(version: FlowVersion) {
    accept(version);
    setAbout(aboutOf(version, flow));
    design.edit((was) => definitionOf(version.definition) ?? was);
    setRestored(null);
  }

  const isFrozen = saving.base?.stage === "published" && !isDirty;
  const errors = found.verdict?.findings.filter(({ gravity }) => gravity === "error").length ?? 0;
  const many = found.verdict?.findings.length ?? 0;
  const names: Readonly<Record<Tab, string>> = {
    ...t.designer.tabs,
    findings: t.designer.tabs.findings(many),
  };
  return (
    <div
      className="design"
      data-testid="designer"
      data-flow={flow}
      data-dirty={isDirty}
      data-version={saving.base?.version ?? 0}
      data-stage={saving.base?.stage ?? "new"}
    >
      <PageHead
        title={about.name || flow}
        place={{
          name: t.places.flows,
          href: saving.base ? address(["flows", flow]) : address(["flows"]),
        }}
        note={
          <span data-testid="standing">
            {standing(saving.base, mayEdit)}
            {isDirty && !isReadOnly ? `, ${t.designer.note.unsaved}` : ""}
          </span>
        }
      >
        {!isReadOnly && (
          <>
            <Button onClick={design.undo} disabled={!design.canUndo} data-testid="undo">
              {t.designer.undo}
            </Button>
            <Button onClick={design.redo} disabled={!design.canRedo} data-testid="redo">
              {t.designer.redo}
            </Button>
          </>
        )}
        <Button onClick={() => void canvas.fitView(FIT)} data-testid="fit">
          {t.designer.fit}
        </Button>
        {!isReadOnly && (
          <>
            <Button onClick={design.arrange} data-testid="arrange">
              {t.designer.arrange}
            </Button>
            <Button
              onClick={() => void save()}
              isBusy={saving.isBusy}
              disabled={!isDirty && saving.base !== null}
              data-testid="save"
            >
              {t.designer.save}
            </Button>
            <Button
              look="primary"
              onClick={() => setPublishing(true)}
              disabled={definition.elements.length === 0 || isFrozen}
              data-testid="publish"
            >
              {t.designer.publish}
            </Button>
          </>
        )}
      </PageHead>
      {saving.problem && !isPublishing && leaving.to === null && (
        <Problem name="save-problem">{saving.problem}</Problem>
      )}
      {restored && isDirty && (
        <div className="design-note" role="status" data-testid="restored">
          {t.designer.restored}{" "}
          <Button
            look="plain"
            onClick={() => {
              design.edit(() => (saving.base ? opened : emptyDefinition(flow)));
              if (latest) accept(latest);
              setRestored(null);
            }}
          >
            {t.designer.dropRestored}
          </Button>
        </div>
      )}
      {theirs && isDirty && !isHarmless && !saving.isRefused && (
        <div className="design-note" role="status" data-testid="newer">
          {t.designer.newer(theirs.version, theirs.saved_by)}{" "}
          <Button look="plain" onClick={() => takeTheirs(theirs)}>
            {t.designer.conflict.theirs}
          </Button>
        </div>
      )}
      <div className="design-desk">
        <section className="design-drawing" aria-label={t.designer.drawing}>
          {!isReadOnly && <Palette onAdd={deeds.add} />}
          <div className="design-canvas" data-arranged={design.isArranged}>
            <Canvas
              design={design}
              nodes={tags.nodes}
              counts={found.counts}
              highlight={highlight}
              isReadOnly={isReadOnly}
              onDrop={deeds.drop}
              onRefused={setReason}
            />
            {definition.elements.length === 0 && (
              <p className="design-empty quiet">{t.designer.empty}</p>
            )}
            <p className="design-reason" role="status" data-testid="reason">
              {highlight?.note ?? reason}
            </p>
          </div>
        </section>
        <section className="design-side" aria-label={t.designer.tabs.label}>
          <div
            role="tablist"
            aria-label={t.designer.tabs.label}
            className="design-tabs"
            onKeyDown={walkTabs}
          >
            {TABS.map((one) => (
              <button
                key={one}
                type="button"
                role="tab"
                className="plain"
                aria-selected={tab === one}
                aria-controls="design-side"
                onClick={() => setTab(one)}
                data-testid={`tab-${one}`}
              >
                {names[one]}
              </button>
            ))}
          </div>
          <div id="design-side" role="tabpanel" aria-label={names[tab]} className="design-panel">
            {tab === "element" && (
              <ElementPanel
                design={design}
                nodes={tags.nodes}
                isReadOnly={isReadOnly}
                findings={found.verdict?.findings ?? []}
                onPlay={play}
                onRemove={deeds.remove}
                onDuplicate={deeds.duplicate}
              />
            )}
            {tab === "findings" && (
              <>
                {playing && (
                  <section className="design-form" aria-label={t.designer.findings.playing}>
                    <CounterExample
                      finding={playing}
                      definition={definition}
                      onHighlight={setHighlight}
                    />
                    <Button onClick={() => setPlaying(null)} data-testid="stop-playing">
                      {t.designer.findings.stop}
                    </Button>
                  </section>
                )}
                <FindingsPanel
                  found={found}
                  isEmpty={definition.elements.length === 0}
                  onGo={go}
                  onPlay={play}
                />
              </>
            )}
            {tab === "variables" && <VariablesPanel design={design} isReadOnly={isReadOnly} />}
            {tab === "json" && (
              <Suspense fallback={<Quiet>{t.designer.json.loading}</Quiet>}>
                <JsonPanel design={design} isReadOnly={isReadOnly} />
              </Suspense>
            )}
            {tab === "simulate" && (
              <Suspense fallback={<Quiet>{t.places.loading}</Quiet>}>
                <Simulate definition={definition} onHighlight={setHighlight} />
              </Suspense>
            )}
            {tab === "about" && (
              <AboutPanel
                about={about}
                isReadOnly={isReadOnly}
                devices={tags.devices}
                device={tags.device}
                onAbout={setAbout}
                onDevice={tags.choose}
              />
            )}
          </div>
        </section>
      </div>
      <Suggestions tags={tags.tags} variables={variablesOf(definition).map(({ name }) => name)} />
      {isPublishing && (
        <PublishDialog
          flow={about.name || flow}
          saving={saving}
          errors={errors}
          onPublish={(words) => void publish(words)}
          onClose={() => {
            setPublishing(false);
            saving.forget();
          }}
        />
      )}
      {saving.isRefused && theirs && (
        <ConflictDialog
          theirs={theirs}
          isBusy={saving.isBusy}
          onTheirs={() => takeTheirs(theirs)}
          onMine={() =>
            void saving.save(theirs).then((saved) => {
              if (saved) note(t.designer.saved(saved.version));
            })
          }
          onClose={saving.forget}
        />
      )}
      {leaving.to !== null && (
        <LeaveDialog leaving={leaving} saving={saving} onDrop={() => kept.keepDraft(null)} />
      )}
    </div>
  );
}

/** The arrow keys go from tab to tab. */
function walkTabs({ key, currentTarget, target }: KeyboardEvent<HTMLElement>) {
  const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
  const tabs = [...currentTarget.querySelectorAll<HTMLElement>("[role=tab]")];
  const at = tabs.indexOf(target as HTMLElement);
  const next = step && at >= 0 ? tabs[(at + step + tabs.length) % tabs.length] : undefined;
  next?.focus();
  next?.click();
}

function standing(base: FlowVersion | null, mayEdit: boolean): string {
  const { note } = t.designer;
  if (base === null) return note.isNew;
  if (base.stage === "archived") return note.archived;
  const stage =
    base.stage === "published" ? note.published(base.version) : note.draft(base.version);
  return mayEdit ? stage : `${note.draft(base.version)}, ${note.viewer}`;
}

interface SuggestionsProps {
  readonly tags: ReturnType<typeof useTags>["tags"];
  readonly variables: readonly string[];
}

/** What the forms offer: nodes that can be read, nodes that can be set, variables. */
function Suggestions({ tags, variables }: SuggestionsProps) {
  const option = (tag: (typeof tags)[number]) => (
    <option key={tag.tag} value={tag.node ?? tag.tag}>
      {tag.unit ? `${tag.tag} (${tag.unit})` : tag.tag}
    </option>
  );
  return (
    <>
      <datalist id="design-tags">{tags.map(option)}</datalist>
      <datalist id="design-inputs">{tags.filter(({ writable }) => writable).map(option)}</datalist>
      <datalist id="design-variables">
        {variables.map((name) => (
          <option key={name} value={`\${${name}}`} />
        ))}
      </datalist>
    </>
  );
}
