/** The definition as JSON beside the drawing; both follow each other. */

import { useEffect, useRef, useState } from "react";
import { type Definition, type Flaw, isSame } from "../../design/document";
import { type Reading, readText, textOfDefinition } from "../../design/text";
import { t } from "../../texts";
import { openEditor, type TextEditor } from "./editor";
import type { Design } from "./useDesign";

const j = t.designer.json;

interface Props {
  readonly design: Design;
  readonly isReadOnly: boolean;
}

export default function JsonPanel({ design, isReadOnly }: Props) {
  const { definition, chosen } = design;
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<TextEditor | null>(null);
  const newest = useRef(design);
  newest.current = design;
  const isFromHere = useRef(false); // the element was chosen by the cursor
  const [reading, setReading] = useState<Reading | null>(null);

  useEffect(() => {
    if (!host.current) return;
    const opened = openEditor(host.current, textOfDefinition(newest.current.definition), {
      label: j.label,
      onText: (text) => {
        const read = readText(text);
        setReading(read);
        if (read.is === "definition") newest.current.edit(() => read.definition, "json");
      },
      onElement: (id) => {
        if (newest.current.chosen.size === 1 && newest.current.chosen.has(id)) return;
        isFromHere.current = true;
        newest.current.choose([id]);
      },
    });
    editor.current = opened;
    return () => {
      editor.current = null;
      opened.destroy();
    };
  }, []);

  useEffect(() => editor.current?.restrict(isReadOnly), [isReadOnly]);
  useEffect(() => {
    editor.current?.show(textOfDefinition(definition), (shown) => means(shown, definition));
    setReading(null);
  }, [definition]);
  const before = useRef<ReadonlySet<string> | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is marked moves with the text
  useEffect(() => {
    const isOther = before.current !== chosen;
    before.current = chosen;
    editor.current?.mark(chosen, isOther && !isFromHere.current);
    isFromHere.current = false;
  }, [chosen, definition]);

  const isBad = reading !== null && reading.is !== "definition";
  return (
    <div className="design-json">
      <div ref={host} className="design-editor" data-testid="json-editor" />
      <p
        className={isBad ? "problem" : "quiet"}
        role="status"
        data-testid="json-state"
        data-good={!isBad}
      >
        {isBad ? whyBad(reading) : j.good}
      </p>
    </div>
  );
}

function means(text: string, definition: Definition): boolean {
  const read = readText(text);
  return read.is === "definition" && isSame(read.definition, definition);
}

function whyBad(reading: Reading): string {
  if (reading.is === "not_json") return j.notJson(reading.message);
  return reading.is === "flawed" ? j.flawed(flawWords(reading.flaw)) : "";
}

function flawWords(flaw: Flaw): string {
  switch (flaw.is) {
    case "element_not_an_object":
    case "element_without_id":
      return j.flaws[flaw.is](flaw.place);
    case "same_id":
      return j.flaws.same_id(flaw.id);
    default:
      return j.flaws[flaw.is];
  }
}
