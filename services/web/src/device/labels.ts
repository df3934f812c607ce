/** Labels as people write them: `site=graz spare -old`, and as selectors. Pure. */

export interface LabelChange {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

type Labels = Readonly<Record<string, string>>;

const PART = /(?<minus>-?)(?<name>[^\s="]+)(?:=(?:"(?<quoted>[^"]*)"|(?<bare>\S*)))?/g;
const WORD = /^[A-Za-z0-9_][A-Za-z0-9_.:/-]*$/;
const RESERVED = ["and", "or", "not", "in", "all"];

/** What `site=graz line="hall 2" spare -old` asks for: two values, a mark, one to go. */
export function readLabels(text: string): LabelChange {
  const set: Record<string, string> = {};
  const remove: string[] = [];
  for (const { groups = {} } of text.matchAll(PART)) {
    const name = groups.name ?? "";
    if (groups.minus) remove.push(name);
    else set[name] = groups.quoted ?? groups.bare ?? "";
  }
  return { set, remove };
}

export const changesNothing = ({ set, remove }: LabelChange): boolean =>
  Object.keys(set).length === 0 && remove.length === 0;

/** One label as it is written; a bare mark has no value. */
export function labelText(name: string, value: string): string {
  if (value === "") return name;
  return /[\s"]/.test(value) ? `${name}="${value}"` : `${name}=${value}`;
}

/** All labels in their order, one line. */
export function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => labelText(name, value))
    .join(" ");
}

/** The selector that this label fits; null where none can be written. */
export function selectorOf(name: string, value: string): string | null {
  if (!isWord(name)) return null;
  if (value === "") return name;
  if (isWord(value)) return `${name}=${value}`;
  const quote = ['"', "'"].find((one) => !value.includes(one));
  return quote ? `${name}=${quote}${value}${quote}` : null;
}

const isWord = (text: string): boolean => WORD.test(text) && !RESERVED.includes(text);

/** How many of them have which label, the most common first. */
export function commonLabels(all: readonly Labels[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const labels of all) {
    for (const [name, value] of Object.entries(labels)) {
      const text = labelText(name, value);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
  }
  return [...counts].sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1));
}
