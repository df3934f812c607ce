/** Fills the ids of a declared URI; the only place where a URI is put together. */

const ID = /^[a-z0-9_]{1,64}$/;

/** `at("heddle.device.{device}.presence", { device: "press_7" })`; refuses what is no id. */
export function at(template: string, ids: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    const value = ids[name] ?? "";
    if (!ID.test(value)) {
      throw new TypeError(`${name} ‘${value}’ is not an id: use 1 to 64 of a-z, 0-9 and _`);
    }
    return value;
  });
}

/** The wildcard URI over all ids. */
export function everywhere(template: string): string {
  return template.replace(/\{\w+\}/g, "");
}

/** The ids in a concrete URI, e.g. `{ device: "press_7" }`. */
export function idsOf(template: string, uri: string): Record<string, string> {
  const parts = uri.split(".");
  const ids: Record<string, string> = {};
  template.split(".").forEach((part, place) => {
    if (part.startsWith("{")) ids[part.slice(1, -1)] = parts[place] ?? "";
  });
  return ids;
}
