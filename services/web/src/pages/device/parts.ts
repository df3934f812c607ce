/** What every part of the device page is handed. */

import type { Role } from "../../contract";
import type { DeviceStore, DeviceView } from "../../device/store";
import type { Link } from "../../wamp/link";

export const PARTS = ["overview", "runs", "values", "containers", "data", "logs", "facts"] as const;
export type PartName = (typeof PARTS)[number];

export interface PartProps {
  readonly device: string;
  readonly store: DeviceStore;
  readonly view: DeviceView;
  readonly link: Link | null;
  readonly role: Role;
  readonly isOnline: boolean | null; // null: not known yet
  readonly isStale: boolean;
  readonly query: URLSearchParams;
}
