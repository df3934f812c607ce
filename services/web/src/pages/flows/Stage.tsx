/** Where a flow stands in its life, in one word. */

import type { FlowStage } from "../../contract";
import { t } from "../../texts";
import { Status, type Tone } from "../../ui/basics";

const TONES: Readonly<Record<FlowStage, Tone>> = {
  draft: "quiet",
  published: "normal",
  archived: "quiet",
};

export function Stage({ stage }: { readonly stage: FlowStage }) {
  return <Status tone={TONES[stage]}>{t.flows.stage[stage]}</Status>;
}
