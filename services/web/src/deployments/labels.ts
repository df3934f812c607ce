/** Labels as they are in use, as a help to who writes a selector. Pure. */

import type { DeviceReport } from "../contract";

const MOST_VALUES = 5;
const MOST_LABELS = 12;

/** `site (graz, wien)`, `spare`: each label with some of its values. */
export function labelsInUse(devices: readonly DeviceReport[]): readonly string[] {
  const values = new Map<string, Set<string>>();
  for (const { labels } of devices) {
    for (const [label, value] of Object.entries(labels)) {
      const known = values.get(label) ?? new Set();
      if (value !== "") known.add(value);
      values.set(label, known);
    }
  }
  return [...values]
    .sort(([one], [other]) => one.localeCompare(other))
    .slice(0, MOST_LABELS)
    .map(([label, found]) => {
      const shown = [...found].sort().slice(0, MOST_VALUES);
      const more = found.size > shown.length ? ", …" : "";
      return shown.length > 0 ? `${label} (${shown.join(", ")}${more})` : label;
    });
}

/** Whether every word is in the device's id or labels. */
export function isFound({ device, labels }: DeviceReport, search: string): boolean {
  const text = `${device} ${labelsText(labels)}`.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** `line=a, spare`. */
export function labelsText(labels: DeviceReport["labels"]): string {
  return Object.entries(labels)
    .map(([label, value]) => (value === "" ? label : `${label}=${value}`))
    .join(", ");
}
