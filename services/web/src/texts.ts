/** Every English sentence of the page that is not made of data. */

import { alarms } from "./texts/alarms";
import { app } from "./texts/app";
import { charts } from "./texts/charts";
import { deployments } from "./texts/deployments";
import { designer } from "./texts/designer";
import { device } from "./texts/device";
import { fleet } from "./texts/fleet";
import { flows } from "./texts/flows";
import { people } from "./texts/people";
import { run } from "./texts/run";
import { ui } from "./texts/ui";

export const t = {
  ...app,
  ui,
  fleet,
  device,
  run,
  flows,
  designer,
  deployments,
  charts,
  alarms,
  people,
};
