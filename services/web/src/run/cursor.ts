/** The moment the pointer is at, shared by the timeline and the charts outside of React. */

export class Cursor {
  #ms: number | null = null;
  readonly #watchers = new Set<() => void>();

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly ms = (): number | null => this.#ms;

  show(ms: number | null): void {
    if (ms === this.#ms) return;
    this.#ms = ms;
    for (const watcher of this.#watchers) watcher();
  }
}
