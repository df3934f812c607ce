/** Many small changes handed on together, a few times a second. */

export class Conflation<Change> {
  #waiting: Change[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    readonly everyMs: number,
    readonly hand: (changes: readonly Change[]) => void,
  ) {}

  /** The first of a burst waits as long as all others: nothing comes oftener. */
  add(change: Change): void {
    this.#waiting.push(change);
    this.#timer ??= setTimeout(() => this.#flush(), this.everyMs);
  }

  /** Forgets what waits. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting = [];
  }

  #flush(): void {
    const changes = this.#waiting;
    this.#waiting = [];
    this.#timer = null;
    this.hand(changes);
  }
}
