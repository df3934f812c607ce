/** Which tags are shown: `press_7:oil.temperature,press_8:oil.temperature` in an address. Pure. */

export interface Pick {
  readonly device: string;
  readonly tag: string;
}

export const MOST_PICKS = 20;
const DEVICE = /^[a-z0-9_]{1,64}$/;
const LONGEST_TAG = 200;

export const keyOf = ({ device, tag }: Pick): string => `${device}:${tag}`;

export const isSame = (one: Pick, other: Pick): boolean =>
  one.device === other.device && one.tag === other.tag;

/** Commas and percent signs of tags are escaped. */
export function textOf(picks: readonly Pick[]): string {
  return picks
    .map(({ device, tag }) => `${device}:${tag.replaceAll("%", "%25").replaceAll(",", "%2C")}`)
    .join(",");
}

/** What cannot be one is left out, and so is what comes twice, or too much. */
export function picksOf(text: string | null): readonly Pick[] {
  const found = new Map<string, Pick>();
  for (const part of (text ?? "").split(",")) {
    const end = part.indexOf(":");
    const device = part.slice(0, Math.max(end, 0));
    const tag = part
      .slice(end + 1)
      .replaceAll("%2C", ",")
      .replaceAll("%25", "%");
    if (!DEVICE.test(device) || tag === "" || tag.length > LONGEST_TAG) continue;
    const pick = { device, tag };
    found.set(keyOf(pick), pick);
  }
  return [...found.values()].slice(0, MOST_PICKS);
}

export function toggled(picks: readonly Pick[], pick: Pick): readonly Pick[] {
  const others = picks.filter((one) => !isSame(one, pick));
  return others.length < picks.length ? others : [...picks, pick].slice(0, MOST_PICKS);
}

/** Short names: the device is left out where all are of one, the tag where all are the same. */
export function namesOf(picks: readonly Pick[]): readonly string[] {
  const isOneDevice = new Set(picks.map(({ device }) => device)).size <= 1;
  const isOneTag = picks.length > 1 && new Set(picks.map(({ tag }) => tag)).size <= 1;
  return picks.map(({ device, tag }) => {
    if (isOneTag) return device;
    return isOneDevice ? tag : `${device} ${tag}`;
  });
}
