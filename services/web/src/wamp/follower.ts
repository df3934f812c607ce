/**
 * What is known of one thing and followed over a link: what all such stores share.
 *
 * Components watch it; questions are asked one by one, and the failure of each is kept
 * beside its part until it succeeds. Without a link what was known stays.
 */

import { sentenceOf } from "./errors";
import type { Link } from "./link";

export interface Followed<Part extends string> {
  readonly problems: Readonly<Partial<Record<Part, string>>>;
}

export abstract class Follower<Part extends string, View extends Followed<Part>> {
  #view: View;
  #link: Link | null = null;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #watchers = new Set<() => void>();

  constructor(empty: View) {
    this.#view = empty;
  }

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly view = (): View => this.#view;

  /** Begins with a link; the returned function ends it, and all that waits. */
  protected follow(link: Link, ...heard: readonly Promise<() => void>[]): () => void {
    this.#link = link;
    return () => {
      if (this.#link === link) this.#link = null;
      for (const timer of this.#timers.values()) clearTimeout(timer);
      this.#timers.clear();
      for (const one of heard) {
        one.then(
          (unhear) => unhear(),
          () => {},
        );
      }
    };
  }

  protected show(change: Partial<View>): void {
    this.#view = { ...this.#view, ...change };
    for (const watcher of this.#watchers) watcher();
  }

  /** Runs one question; its failure is shown beside its part until it succeeds. */
  protected async load(part: Part, ask: (link: Link) => Promise<void>): Promise<void> {
    const link = this.#link;
    if (!link) return;
    try {
      await ask(link);
      if (link === this.#link) this.#tellProblem(part, undefined);
    } catch (error) {
      if (link !== this.#link) return;
      this.#tellProblem(part, sentenceOf(error));
      this.failed(part);
    }
  }

  /** Hears which question failed. */
  protected failed(_part: Part): void {}

  /** At most one of a name waits. */
  protected later(name: string, delayMs: number, act: () => void): void {
    if (this.#timers.has(name)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      act();
    }, delayMs);
    this.#timers.set(name, timer);
  }

  #tellProblem(part: Part, sentence: string | undefined): void {
    const { problems } = this.#view;
    if (problems[part] === sentence) return;
    const { [part]: _, ...others } = problems;
    const told = sentence === undefined ? others : { ...others, [part]: sentence };
    this.show({ problems: told } as Partial<View>);
  }
}
