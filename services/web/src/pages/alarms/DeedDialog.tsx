/** Asks what a deed needs to be answered for: the reason, and until when. */

import { useState } from "react";
import { type Deed, fits, needsReason } from "../../alarms/deeds";
import { whatText } from "../../alarms/words";
import type { AlarmReport } from "../../contract";
import { t } from "../../texts";
import { Field, Quiet } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { useToast } from "../../ui/toasts";
import { useDeeds } from "./useAlarms";

const PRESETS = ["15", "60", "480"] as const; // minutes
const MINUTE_MS = 60_000;

interface Props {
  readonly deed: Deed;
  readonly alarms: readonly AlarmReport[];
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function DeedDialog({ deed, alarms, onClose, onDone }: Props) {
  const { busy, problem, perform } = useDeeds();
  const note = useToast();
  const [preset, setPreset] = useState<string>("60");
  const [complaint, setComplaint] = useState<string | null>(null);
  const fit = alarms.filter((one) => fits(deed, one));
  const isReason = needsReason(deed);

  async function submit(form: FormData) {
    setComplaint(null);
    const untilMs = deed === "shelve" ? untilOf(preset, String(form.get("until") ?? "")) : null;
    if (deed === "shelve" && !(untilMs !== null && untilMs > Date.now())) {
      setComplaint(t.alarms.untilPast);
      return;
    }
    const done = await perform(deed, fit, String(form.get("comment") ?? "").trim(), untilMs);
    if (done === null) return;
    note(t.alarms.done[deed](done));
    onDone();
  }

  return (
    <FormDialog
      title={t.alarms.deedTitle[deed](whatText(fit))}
      name="deed-dialog"
      submit={t.alarms.deedSubmit[deed]}
      isBusy={busy}
      isReady={fit.length > 0}
      problem={complaint ?? problem}
      onSubmit={(form) => void submit(form)}
      onClose={onClose}
    >
      <Quiet>{t.alarms.deedMeans[deed]}</Quiet>
      {fit.length < alarms.length && <Quiet>{t.alarms.ofThem(fit.length, alarms.length)}</Quiet>}
      {deed === "shelve" && <Presets preset={preset} onChoose={setPreset} />}
      <Field
        label={isReason && deed !== "comment" ? t.alarms.reason : t.alarms.comment}
        hint={isReason ? t.alarms.reasonHint : t.alarms.commentHint}
      >
        <input
          name="comment"
          maxLength={300}
          required={isReason}
          autoComplete="off"
          data-testid="deed-text"
        />
      </Field>
    </FormDialog>
  );
}

function Presets({ preset, onChoose }: { preset: string; onChoose: (preset: string) => void }) {
  return (
    <fieldset className="alarm-presets">
      <legend>{t.alarms.howLong}</legend>
      {[...PRESETS, "until" as const].map((one) => (
        <label key={one}>
          <input
            type="radio"
            name="preset"
            value={one}
            checked={preset === one}
            onChange={() => onChoose(one)}
            data-testid={`preset-${one}`}
          />
          {t.alarms.presets[one]}
        </label>
      ))}
      {preset === "until" && (
        <Field label={t.alarms.until}>
          <input type="datetime-local" name="until" required data-testid="deed-until" />
        </Field>
      )}
    </fieldset>
  );
}

function untilOf(preset: string, until: string): number | null {
  if (preset !== "until") return Date.now() + Number(preset) * MINUTE_MS;
  const at = new Date(until).getTime(); // local time, as typed
  return Number.isNaN(at) ? null : at;
}
