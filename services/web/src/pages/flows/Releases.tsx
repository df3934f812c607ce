/** The releases of a flow: frozen, signed, ready to be deployed. */

import { useState } from "react";
import { useAsk, useMay } from "../../app/asking";
import { address } from "../../app/routes";
import {
  CREATE_DEPLOYMENT,
  type FlowVersion,
  GET_RELEASE,
  LIST_RELEASES,
  type Release,
  type ReleaseDetail,
} from "../../contract";
import { t } from "../../texts";
import { Button, Facts, Moment, Panel, Problem, Quiet } from "../../ui/basics";
import { keepFile } from "../../ui/csv";
import { Dialog } from "../../ui/Dialog";
import { useDeeds } from "./useDeeds";

const words = t.flows.releases;

export function Releases({ flow: { flow, stage } }: { readonly flow: FlowVersion }) {
  const { data, problem, isStale } = useAsk(LIST_RELEASES, { flow });
  const [shown, setShown] = useState<number | null>(null);
  const mayDeploy = useMay(CREATE_DEPLOYMENT) && stage !== "archived";
  return (
    <Panel title={words.title} isStale={isStale} name="releases">
      {problem && <Problem>{problem}</Problem>}
      {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
      {data?.releases.length === 0 && <Quiet>{words.none}</Quiet>}
      <ul className="flows-releases">
        {data?.releases.map((release) => (
          <li key={release.version} data-testid="release" data-version={release.version}>
            <OneRelease release={release} mayDeploy={mayDeploy} onShow={setShown} />
          </li>
        ))}
      </ul>
      {shown !== null && <Signature flow={flow} version={shown} onClose={() => setShown(null)} />}
    </Panel>
  );
}

interface OneProps {
  readonly release: Release;
  readonly mayDeploy: boolean;
  readonly onShow: (version: number) => void;
}

function OneRelease({ release, mayDeploy, onShow }: OneProps) {
  const { flow, version, note, engine_image, engine_memory_mb, warnings } = release;
  const deeds = useDeeds();
  const engine = [
    engine_image || words.ownEngine,
    ...(engine_memory_mb ? [words.memory(engine_memory_mb)] : []),
  ].join(", ");
  return (
    <>
      <div className="panel-head">
        <h3>{words.ofVersion(version)}</h3>
        <div className="buttons">
          {mayDeploy && (
            <a href={address(["deployments", "new"], { flow, version })}>{words.deploy}</a>
          )}
          <Button look="plain" onClick={() => onShow(version)} data-testid="release-signature">
            {words.show}
          </Button>
          <Button look="plain" onClick={() => void deeds.download([flow], version)}>
            {words.download}
          </Button>
        </div>
      </div>
      <Facts
        facts={[
          [
            words.published,
            <span key="at">
              <Moment ms={release.published_at_ms} /> {t.flows.one.by(release.published_by)}
            </span>,
          ],
          ...(note ? ([[words.note, note]] as const) : []),
          [words.engine, engine],
          [words.hash, <code key="hash">{release.content_hash}</code>],
          ...(warnings.length > 0
            ? ([[words.warnings, warnings.map(({ message }) => message).join("; ")]] as const)
            : []),
        ]}
      />
      {deeds.problem && <Problem>{deeds.problem}</Problem>}
    </>
  );
}

function Signature({
  flow,
  version,
  onClose,
}: {
  readonly flow: string;
  readonly version: number;
  readonly onClose: () => void;
}) {
  const { data, problem } = useAsk(GET_RELEASE, { flow, version });
  return (
    <Dialog title={words.ofVersion(version)} name="signature" isWide onClose={onClose}>
      {problem && <Problem>{problem}</Problem>}
      {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
      {data && (
        <Facts
          facts={[
            [words.hash, <code key="hash">{data.signed.content_hash}</code>],
            [words.signature, <code key="signature">{data.signed.signature}</code>],
            [words.key, <code key="key">{data.signed.key}</code>],
          ]}
        />
      )}
      <div className="buttons">
        {data && (
          <Button onClick={() => keepSigned(data)} data-testid="download-signed">
            {words.downloadSigned}
          </Button>
        )}
        <Button onClick={onClose}>{t.ui.close}</Button>
      </div>
    </Dialog>
  );
}

/** A file with the release as it was signed; `document` is base64 of the signed bytes. */
function keepSigned({ release, signed }: ReleaseDetail) {
  const document = signed.document.replace(/^\0/, "");
  keepFile(
    `${release.flow}-${release.version}-signed.json`,
    `${JSON.stringify({ ...signed, document }, null, 2)}\n`,
    "application/json",
  );
}
