/** Maintenance windows: days and hours, by UTC. */

import type { Window } from "../../contract";
import { t } from "../../texts";
import { Button, Field, Problem, Quiet } from "../../ui/basics";
import type { FormPart } from "./part";

const words = t.deployments.form;
const FRESH: Window = { days: [0, 1, 2, 3, 4, 5, 6], begins: "22:00", ends: "04:00" };

export function WindowFields({ form, faults, change }: FormPart) {
  const { windows } = form;
  const put = (at: number, to: Partial<Window>) =>
    change({ windows: windows.map((one, index) => (index === at ? { ...one, ...to } : one)) });
  return (
    <>
      <Quiet>{words.windowsHint}</Quiet>
      {windows.map(({ days, begins, ends }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a window is its place
        <div key={at} className="deployments-row">
          <fieldset className="deployments-choice">
            <legend className="hidden">{words.windowDays(at + 1)}</legend>
            {t.deployments.days.map((name, day) => (
              <label key={name}>
                <input
                  type="checkbox"
                  checked={days.includes(day)}
                  onChange={({ target }) => put(at, { days: toggled(days, day, target.checked) })}
                />
                {name}
              </label>
            ))}
          </fieldset>
          <Field label={words.from}>
            <input
              type="time"
              value={begins}
              required
              onChange={({ target }) => target.value && put(at, { begins: target.value })}
            />
          </Field>
          <Field label={words.to}>
            <input
              type="time"
              value={ends === "24:00" ? "00:00" : ends}
              required
              onChange={({ target }) =>
                target.value && put(at, { ends: target.value === "00:00" ? "24:00" : target.value })
              }
            />
          </Field>
          <Button
            aria-label={words.removeWindow(at + 1)}
            onClick={() => change({ windows: windows.filter((_one, index) => index !== at) })}
          >
            {words.remove}
          </Button>
        </div>
      ))}
      {faults.windows && <Problem>{faults.windows}</Problem>}
      <div className="buttons">
        <Button onClick={() => change({ windows: [...windows, FRESH] })} data-testid="add-window">
          {words.addWindow}
        </Button>
      </div>
    </>
  );
}

function toggled(days: readonly number[], day: number, isOn: boolean): readonly number[] {
  const rest = days.filter((one) => one !== day);
  return isOn ? [...rest, day].sort() : rest;
}
