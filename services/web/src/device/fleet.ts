/** The project's devices and whether they are online, kept current while linked. */

import { type DeviceReport, LIST_DEVICES, PRESENCE } from "../contract";
import { sentenceOf } from "../wamp/errors";
import type { Link } from "../wamp/link";

export interface FleetView {
  readonly devices: readonly DeviceReport[] | null; // null: not known yet
  readonly problem: string | null;
}

const REFRESH_EVERY_MS = 30_000;
const SETTLE_MS = 500; // a whole site may come back at once
const RETRY_MS = 2_000; // after the router's restart the page may be back before the backend

export class Fleet {
  #view: FleetView = { devices: null, problem: null };
  readonly #watchers = new Set<() => void>();

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly view = (): FleetView => this.#view;

  /** Follows the devices over `link` until the returned function is called. */
  attach(link: Link): () => void {
    let isOver = false;
    let soon: ReturnType<typeof setTimeout> | null = null;
    const refreshIn = (delayMs: number) => {
      soon ??= setTimeout(() => {
        soon = null;
        void refresh();
      }, delayMs);
    };
    const refresh = async () => {
      try {
        const { devices } = await link.call(LIST_DEVICES, {});
        if (!isOver) this.#show({ devices, problem: null });
      } catch (error) {
        if (isOver) return;
        this.#show({ ...this.#view, problem: sentenceOf(error) });
        refreshIn(RETRY_MS);
      }
    };
    const hear = link.hear(PRESENCE, ({ online }, { device }) => {
      const devices = this.#view.devices ?? [];
      this.#show({
        ...this.#view,
        devices: devices.map((one) => (one.device === device ? { ...one, online } : one)),
      });
      refreshIn(SETTLE_MS); // also tells of new devices, versions and times
    });
    hear.then(refresh, refresh);
    const timer = setInterval(refresh, REFRESH_EVERY_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
      if (soon) clearTimeout(soon);
      hear.then(
        (unhear) => unhear(),
        () => {},
      );
    };
  }

  #show(view: FleetView): void {
    this.#view = view;
    for (const watcher of this.#watchers) watcher();
  }
}
