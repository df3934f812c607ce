/** What somebody should know of a plan before it is made. Pure. */

import type { DeploymentPreview, DeviceReport } from "../contract";
import { t } from "../texts";
import { durationMs, durationText } from "./durations";
import type { Form } from "./form";

export interface Planned {
  readonly total: number;
  readonly offline: readonly string[];
  readonly warnings: readonly string[];
  readonly atLeastMs: number; // rests between waves and before a switch
}

export function plannedOf(
  preview: DeploymentPreview,
  form: Pick<Form, "strategy" | "marked" | "activeRuns">,
  devices: readonly DeviceReport[],
): Planned {
  const { waves, config } = preview;
  const words = t.deployments.form.warnings;
  const isOnline = new Map(devices.map((one) => [one.device, one.online]));
  const every = waves.flatMap((wave) => wave.devices);
  const offline = every.filter((device) => isOnline.get(device) === false);
  const warnings: string[] = [];
  const first = waves[0];
  const timeout = String(config.timeout ?? "");
  if (offline.length > 0) {
    const told = offline.length;
    warnings.push(
      form.marked.catch_up
        ? words.offlineCatchUp(told, every.length, timeout)
        : words.offline(told, every.length, timeout),
    );
  }
  if (form.strategy === "canary" && first?.online === 0) {
    warnings.push(words.noCanary);
  }
  if (form.strategy === "canary" && waves.length === 1) warnings.push(words.onlyCanaries);
  if (!form.marked.health_check) warnings.push(words.noHealthCheck);
  if (!form.marked.auto_rollback) warnings.push(words.noRollback);
  if (form.activeRuns === "stop") warnings.push(words.stopsRuns);
  const rest = durationMs(
    {
      rolling: config.batch_delay,
      canary: config.canary_delay,
      blue_green: "0s",
      all_at_once: "0s",
    }[form.strategy],
  );
  const delay = form.strategy === "blue_green" ? (durationMs(config.switch_delay) ?? 0) : 0;
  const atLeastMs = (rest ?? 0) * Math.max(0, waves.length - 1) + delay;
  return { total: every.length, offline, warnings, atLeastMs };
}

export const atLeastText = ({ atLeastMs }: Planned): string | null =>
  atLeastMs > 0 ? durationText(atLeastMs) : null;
