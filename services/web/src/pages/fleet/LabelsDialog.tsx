/** Labels of many devices at once: set some, take some away. */

import { useMemo, useState } from "react";
import { LABEL_DEVICE, LIST_DEVICES, RESOLVE_TARGETS } from "../../contract";
import { tally } from "../../device/deeds";
import type { FleetRow } from "../../device/fleet";
import { changesNothing, commonLabels, readLabels } from "../../device/labels";
import { t } from "../../texts";
import { Button, Field, Quiet } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { useEach } from "./each";
import { Results } from "./Results";

interface Props {
  readonly rows: readonly FleetRow[];
  readonly onRetry: (devices: readonly string[]) => void;
  readonly onClose: () => void;
}

const MOST_OFFERED = 12;
const words = t.fleet.label;

export function LabelsDialog({ rows: given, onRetry, onClose }: Props) {
  const [rows] = useState(given);
  const [text, setText] = useState("");
  const change = readLabels(text);
  const common = useMemo(() => commonLabels(rows.map(({ report }) => report.labels)), [rows]);
  const { results, isOver, begin } = useEach(
    async (link, device) => {
      await link.call(LABEL_DEVICE, { device, ...change });
      return "";
    },
    LIST_DEVICES,
    RESOLVE_TARGETS,
  );
  if (results) {
    return (
      <Results
        what={words.what}
        results={results}
        counts={tally(results)}
        all={rows.length}
        isOver={isOver}
        onRetry={onRetry}
        onClose={onClose}
      />
    );
  }
  const remove = (label: string) => setText(`${text} -${label.split("=")[0]}`.trim());
  return (
    <FormDialog
      title={words.title(rows.length)}
      name="label"
      submit={words.submit(rows.length)}
      isReady={!changesNothing(change)}
      onSubmit={() => void begin(rows.map(({ report }) => report.device))}
      onClose={onClose}
    >
      <Field label={words.field} hint={words.hint}>
        <input
          value={text}
          onChange={({ target }) => setText(target.value)}
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          data-testid="label-change"
        />
      </Field>
      {common.length === 0 ? (
        <Quiet>{words.hasNone}</Quiet>
      ) : (
        <div>
          <Quiet>{words.has}</Quiet>
          <div className="buttons">
            {common.slice(0, MOST_OFFERED).map(([label, count]) => (
              <Button
                key={label}
                look="plain"
                title={words.remove(label)}
                onClick={() => remove(label)}
              >
                {words.count(label, count)}
              </Button>
            ))}
          </div>
        </div>
      )}
    </FormDialog>
  );
}
