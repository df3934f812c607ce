/** A live value in its parts: number, quality, age. Each redraws for itself. */

import type { Tag } from "../../contract";
import { ageText } from "../../device/amounts";
import { useReading } from "../../device/reading";
import type { LiveValues } from "../../telemetry/live";
import { t } from "../../texts";
import { Status } from "../../ui/basics";
import { valueText } from "../../ui/format";
import { useNow } from "../../ui/hooks";

interface Props {
  readonly values: LiveValues;
  readonly tag: Tag;
}

/** The newest value with its unit. */
export function Now({ values, tag, name }: Props & { readonly name?: string }) {
  const reading = useReading(values, tag.tag);
  return (
    <span className="device-value" data-testid={name}>
      {valueText(reading?.value, tag.type)}
      {tag.unit && <span className="quiet"> {tag.unit}</span>}
    </span>
  );
}

const TONES = ["quiet", "act", "bad"] as const;

/** Good is not worth a word. */
export function Quality({ values, tag }: Props) {
  const quality = useReading(values, tag.tag)?.quality ?? 0;
  if (quality === 0) return null;
  return (
    <Status tone={TONES[quality] ?? "bad"} data-testid="quality">
      {t.device.values.quality[quality] ?? t.device.values.quality[2]}
    </Status>
  );
}

/** How long ago the device said so, on its own clock. */
export function Age({ values, tag }: Props) {
  const reading = useReading(values, tag.tag);
  useNow(1_000);
  return (
    <span className="quiet">{reading ? ageText(values.nowMs() - reading.atMs) : t.fleet.none}</span>
  );
}
