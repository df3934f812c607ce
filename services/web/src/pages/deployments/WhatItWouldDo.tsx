/** The preview: which devices in which wave, what to know of it, and the button. */

import { useMemo } from "react";
import { address } from "../../app/routes";
import type { DeploymentPreview, DeviceReport } from "../../contract";
import type { Form } from "../../deployments/form";
import type { Refusal } from "../../deployments/refusal";
import { atLeastText, plannedOf } from "../../deployments/warnings";
import { t } from "../../texts";
import { Button, Problem, Quiet } from "../../ui/basics";
import { WaveList } from "./WaveList";

const words = t.deployments.form;

interface Props {
  readonly form: Form;
  readonly preview: DeploymentPreview | null;
  readonly isAsking: boolean;
  readonly devices: readonly DeviceReport[];
  readonly refusal: Refusal;
  readonly missing: string | null;
  readonly isRight: boolean;
  readonly isBusy: boolean;
  readonly onSend: () => void;
}

export function WhatItWouldDo(props: Props) {
  const { form, preview, devices, refusal, missing, isRight } = props;
  const isReady = missing === null && isRight;
  return (
    <div className="deployments-preview" data-testid="preview">
      {preview ? (
        <Plan form={form} preview={preview} devices={devices} />
      ) : (
        isRight && <Quiet>{props.isAsking ? t.ui.loading : words.previewEmpty}</Quiet>
      )}
      {refusal.sentence && (
        <Problem name="new-problem">
          {refusal.sentence}
          {refusal.conflict && (
            <>
              {" "}
              <a href={address(["deployments", refusal.conflict])}>{words.conflict}</a>
            </>
          )}
        </Problem>
      )}
      {!isReady && (
        <p className="quiet" id="not-ready">
          {missing ?? words.notReady}
        </p>
      )}
      <div className="buttons">
        <Button
          look="primary"
          disabled={!isReady}
          isBusy={props.isBusy}
          aria-describedby={isReady ? undefined : "not-ready"}
          onClick={props.onSend}
          data-testid="create"
        >
          {words.submit[form.when]}
        </Button>
      </div>
    </div>
  );
}

function Plan({
  form,
  preview,
  devices,
}: {
  readonly form: Form;
  readonly preview: DeploymentPreview;
  readonly devices: readonly DeviceReport[];
}) {
  const planned = useMemo(() => plannedOf(preview, form, devices), [preview, form, devices]);
  const offline = useMemo(() => new Set(planned.offline), [planned]);
  const atLeast = atLeastText(planned);
  return (
    <>
      <p data-testid="preview-total" data-devices={planned.total}>
        {words.whole(planned.total, preview.waves.length)}
        {atLeast && ` ${words.atLeast(atLeast)}`}
      </p>
      <WaveList preview={preview} offline={offline} />
      {planned.warnings.length > 0 && (
        <ul data-testid="preview-warnings">
          {planned.warnings.map((warning) => (
            <li key={warning} className="deployments-warning">
              {warning}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
