/**
 * A text editor for the definition (CodeMirror), without React.
 *
 * It lives in a shadow root: there its styles are constructed sheets, which the page's
 * security policy allows, where `<style>` elements are forbidden.
 */

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import {
  bracketMatching,
  ensureSyntaxTree,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  syntaxHighlighting,
} from "@codemirror/language";
import { linter, lintGutter } from "@codemirror/lint";
import {
  Annotation,
  Compartment,
  EditorState,
  StateEffect,
  StateField,
  Transaction,
} from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { patch, readText } from "../../design/text";

export interface TextEditor {
  /** Shows another text, unless what is shown means the same. */
  readonly show: (text: string, isSame: (shown: string) => boolean) => void;
  /** Marks the elements of these ids, and goes to the first if it is out of sight. */
  readonly mark: (ids: ReadonlySet<string>, goes: boolean) => void;
  readonly restrict: (isReadOnly: boolean) => void;
  readonly destroy: () => void;
}

interface Hearing {
  readonly label: string;
  readonly onText: (text: string) => void;
  readonly onElement: (id: string) => void; // the cursor came to it
}

const FROM_OUTSIDE = Annotation.define<boolean>();
const MARKED = StateEffect.define<readonly Range[]>();

interface Range {
  readonly from: number;
  readonly to: number;
}

const LINE = Decoration.line({ class: "cm-chosen" });

const marked = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(before, transaction) {
    let after = before.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(MARKED)) continue;
      const { doc } = transaction.state;
      const lines = new Set<number>();
      for (const { from, to } of effect.value) {
        for (let n = doc.lineAt(from).number; n <= doc.lineAt(to).number; n += 1) lines.add(n);
      }
      const sorted = [...lines].sort((one, other) => one - other);
      after = Decoration.set(sorted.map((n) => LINE.range(doc.line(n).from)));
    }
    return after;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const LOOK = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--field)", height: "100%" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", fontSize: "0.8rem", overflow: "auto" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": {
    backgroundColor: "var(--panel)",
    color: "var(--quiet)",
    borderRight: "1px solid var(--line)",
  },
  ".cm-chosen": { backgroundColor: "var(--grid)" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground":
    { backgroundColor: "var(--line)" },
  ".cm-matchingBracket": { outline: "1px solid var(--quiet)", backgroundColor: "transparent" },
  ".cm-tooltip": {
    backgroundColor: "var(--panel)",
    color: "var(--ink)",
    border: "1px solid var(--line)",
  },
  ".cm-foldPlaceholder": {
    backgroundColor: "var(--grid)",
    border: "1px solid var(--line)",
    color: "var(--quiet)",
  },
});

const COLOURS = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--quiet)" },
  { tag: [tags.string, tags.number, tags.bool, tags.null], color: "var(--ink)" },
  { tag: [tags.number, tags.bool, tags.null], fontWeight: "600" },
  { tag: [tags.separator, tags.squareBracket, tags.brace], color: "var(--quiet)" },
]);

export function openEditor(host: HTMLElement, text: string, hearing: Hearing): TextEditor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const access = new Compartment();
  const isGood = () => readText(view.state.doc.toString()).is === "definition";
  const view: EditorView = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        foldGutter(),
        history(),
        bracketMatching(),
        json(),
        linter(jsonParseLinter(), { delay: 300 }),
        lintGutter(),
        syntaxHighlighting(COLOURS),
        marked,
        LOOK,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": hearing.label, tabindex: "0" }),
        EditorView.domEventHandlers({ beforeinput: typeOver }),
        keymap.of([...defaultKeymap, ...historyKeymap, ...foldKeymap]),
        access.of([]),
        EditorView.updateListener.of(({ docChanged, selectionSet, state, transactions }) => {
          if (transactions.some((one) => one.annotation(FROM_OUTSIDE))) return;
          if (docChanged) hearing.onText(state.doc.toString());
          else if (selectionSet) {
            const { head } = state.selection.main;
            const at = rangesIn(state).find(({ from, to }) => head >= from && head <= to);
            if (at) hearing.onElement(at.id);
          }
        }),
      ],
    }),
  });
  return {
    show(next, isSame) {
      const shown = view.state.doc.toString();
      if (isSame(shown)) return;
      const change = patch(shown, next);
      if (!change) return;
      view.dispatch({
        changes: change,
        annotations: [FROM_OUTSIDE.of(true), Transaction.addToHistory.of(!isGood())],
      });
    },
    mark(ids, goes) {
      const ranges = rangesIn(view.state).filter(({ id }) => ids.has(id));
      const [first] = ranges;
      view.dispatch({
        effects: [
          MARKED.of(ranges),
          ...(first && goes
            ? [EditorView.scrollIntoView(first.from, { y: "start", yMargin: 24 })]
            : []),
        ],
        annotations: FROM_OUTSIDE.of(true),
      });
    },
    restrict(isReadOnly) {
      view.dispatch({
        effects: access.reconfigure(
          isReadOnly ? [EditorState.readOnly.of(true), EditorView.editable.of(false)] : [],
        ),
      });
    },
    destroy: () => view.destroy(),
  };
}

/** Typing over a selection: the browser would keep its style inline, against our policy. */
function typeOver(event: InputEvent, view: EditorView): boolean {
  const isMeant = event.inputType === "insertText" && event.data !== null;
  if (!isMeant || view.state.selection.main.empty || view.state.readOnly) return false;
  event.preventDefault();
  view.dispatch(view.state.replaceSelection(event.data), {
    scrollIntoView: true,
    userEvent: "input.type",
  });
  return true;
}

const PARSE_MS = 200;

/** Where each element stands in the text, by the parsed tree. */
function rangesIn(state: EditorState): readonly (Range & { readonly id: string })[] {
  const tree = ensureSyntaxTree(state, state.doc.length, PARSE_MS);
  const text = (from: number, to: number) => state.doc.sliceString(from, to);
  const document = tree?.topNode.getChild("Object");
  const elements = document
    ?.getChildren("Property")
    .find((one) => text(one.from, one.to).startsWith('"elements"'))
    ?.getChild("Array");
  return (elements?.getChildren("Object") ?? []).flatMap((object) => {
    const named = object
      .getChildren("Property")
      .find((one) => text(one.from, one.to).startsWith('"id"'))
      ?.getChild("String");
    if (!named) return [];
    try {
      return [
        { id: String(JSON.parse(text(named.from, named.to))), from: object.from, to: object.to },
      ];
    } catch {
      return []; // a string that is being typed
    }
  });
}
