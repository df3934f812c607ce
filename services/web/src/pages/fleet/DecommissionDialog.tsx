/** Takes devices out of the project, after a question. */

import { useState } from "react";
import { DECOMMISSION, LIST_DEVICES } from "../../contract";
import { tally } from "../../device/deeds";
import { t } from "../../texts";
import { Check } from "../../ui/basics";
import { FormDialog } from "../../ui/Dialog";
import { useEach } from "./each";
import { Results } from "./Results";

interface Props {
  readonly devices: readonly string[];
  readonly onRetry: (devices: readonly string[]) => void;
  readonly onClose: () => void;
  readonly onDone?: () => void; // closed after it was done on all
}

const WITHIN_MS = 90_000; // the device ends its flows first
const MOST_NAMED = 12;
const words = t.fleet.decommissioning;

export function DecommissionDialog({ devices: given, onRetry, onClose, onDone }: Props) {
  const [devices] = useState(given);
  const [isForced, setForced] = useState(false);
  const { results, isOver, begin } = useEach(async (link, device) => {
    const request = { device, force: isForced };
    const { told } = await link.call(DECOMMISSION, request, {}, WITHIN_MS);
    return told ? "" : words.untold;
  }, LIST_DEVICES);
  const whenDone = onDone ?? onClose;
  if (results) {
    return (
      <Results
        what={words.what}
        results={results}
        counts={tally(results)}
        all={devices.length}
        isOver={isOver}
        onRetry={onRetry}
        onClose={isOver && results.every(({ outcome }) => outcome === "done") ? whenDone : onClose}
      />
    );
  }
  const named = devices.slice(0, MOST_NAMED).join(", ");
  return (
    <FormDialog
      title={words.title(devices.length)}
      name="decommission"
      submit={words.submit(devices.length)}
      isDanger
      onSubmit={() => void begin(devices)}
      onClose={onClose}
    >
      <p>
        <strong>{devices.length > MOST_NAMED ? `${named} …` : named}</strong>
      </p>
      <p>{words.effect(devices.length)}</p>
      <Check
        label={words.force}
        checked={isForced}
        onChange={({ target }) => setForced(target.checked)}
        data-testid="decommission-force"
      />
    </FormDialog>
  );
}
