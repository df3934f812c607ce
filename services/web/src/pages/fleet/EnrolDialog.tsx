/** Makes a one-time code for a device to come, and tells what to do with it. */

import { useState } from "react";
import { useTell } from "../../app/asking";
import { CREATE_CODE, DeviceKind, type EnrolmentCode } from "../../contract";
import { t } from "../../texts";
import { Button, Field, Moment } from "../../ui/basics";
import { CopyLine } from "../../ui/Copy";
import { Dialog, FormDialog } from "../../ui/Dialog";
import { routerUrl } from "../../wamp/link";

const words = t.fleet.enrol;
const KINDS = Object.values(DeviceKind);

export function EnrolDialog({ onClose }: { onClose: () => void }) {
  const { tell, busy, problem } = useTell(CREATE_CODE);
  const [made, setMade] = useState<EnrolmentCode | null>(null);
  async function make(form: FormData) {
    const device = String(form.get("device")).trim();
    const kind = KINDS.find((one) => one === form.get("kind")) ?? "edge";
    const valid_s = Number(form.get("valid"));
    setMade(await tell({ kind, valid_s, ...(device ? { device } : {}) }));
  }
  if (made) return <Made code={made} onClose={onClose} />;
  return (
    <FormDialog
      title={words.title}
      name="enrol"
      submit={words.submit}
      isBusy={busy !== null}
      problem={problem}
      onSubmit={(form) => void make(form)}
      onClose={onClose}
    >
      <p>{words.explain}</p>
      <Field label={words.device} hint={words.deviceHint}>
        <input
          name="device"
          pattern="[a-z0-9_]{1,64}"
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          data-testid="enrol-device"
        />
      </Field>
      <Field label={words.kind}>
        <select name="kind" data-testid="enrol-kind">
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {t.fleet.kinds[kind]}
            </option>
          ))}
        </select>
      </Field>
      <Field label={words.valid}>
        <select name="valid">
          {Object.entries(words.hours).map(([seconds, text]) => (
            <option key={seconds} value={seconds}>
              {text}
            </option>
          ))}
        </select>
      </Field>
    </FormDialog>
  );
}

function Made({ code, onClose }: { code: EnrolmentCode; onClose: () => void }) {
  const line =
    `AGENT_CODE=${code.code} AGENT_ROUTER_URL=${routerUrl(location)}` +
    " AGENT_DATA=/var/lib/heddle heddle-agent";
  return (
    <Dialog title={words.made(code.device)} name="enrolled" isWide onClose={onClose}>
      <p>
        {words.once} <Moment ms={code.expires_at_ms} />.
      </p>
      <div className="field">
        <span className="label">{words.code}</span>
        <CopyLine text={code.code} label={words.code} name="code" />
      </div>
      <div className="field">
        <span className="label">{words.line}</span>
        <CopyLine text={line} label={words.line} name="code-line" />
      </div>
      <div className="buttons">
        <Button look="primary" onClick={onClose}>
          {t.ui.close}
        </Button>
      </div>
    </Dialog>
  );
}
