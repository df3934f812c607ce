/**
 * Keeps one link to the project's realm: does what the machine asks.
 *
 * It owns the timer, the stored session and the link. A router that went silent is
 * probed, and given up when it does not answer: a sleeping laptop's socket looks open.
 */

import { LIST_DEVICES, RENEW_SESSION } from "../contract";
import { t } from "../texts";
import { Refused, sentenceOf } from "../wamp/errors";
import { Link } from "../wamp/link";
import {
  type Connection,
  type Effect,
  type Input,
  type Session,
  SIGNED_OUT,
  step,
} from "./machine";
import { received } from "./signing-in";

const STORED_AS = "heddle.session";
const TICK_MS = 500;
const SILENCE_MS = 10_000;
const PROBE_TIMEOUT_MS = 6_000;

export interface Kept {
  readonly connection: Connection;
  readonly link: Link | null;
}

export class Keeper {
  #kept: Kept = { connection: SIGNED_OUT, link: null };
  #attempt = 0;
  #probing = false;
  readonly #watchers = new Set<() => void>();

  constructor(readonly url: string) {}

  /** Takes up a session of this tab that a reload interrupted, and starts the clock. */
  start(): void {
    setInterval(() => this.#tick(), TICK_MS);
    window.addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.hurry();
    });
    const stored = sessionStorage.getItem(STORED_AS);
    if (stored) this.open(JSON.parse(stored) as Session);
  }

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  readonly kept = (): Kept => this.#kept;

  open(session: Session): void {
    this.#feed({ is: "opened", session });
  }

  signOut(): void {
    this.#feed({ is: "sign_out" });
  }

  /** Do not wait any longer: the network, the tab or the person is back. */
  hurry(): void {
    this.#feed({ is: "hurry" });
    void this.#probe(2_000);
  }

  #tick(): void {
    this.#feed({ is: "tick" });
    void this.#probe(SILENCE_MS);
  }

  #feed(input: Input): void {
    const moment = { now_ms: Date.now(), jitter: 0.7 + Math.random() * 0.6 };
    const { state, effects } = step(this.#kept.connection, input, moment);
    const link = state.at === "joined" ? this.#kept.link : null;
    const former = this.#kept;
    if (state !== former.connection) {
      this.#kept = { connection: state, link };
      for (const watcher of this.#watchers) watcher();
    }
    if (former.link !== link) former.link?.leave();
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case "join":
        void this.#join(effect.session);
        break;
      case "renew":
        void this.#renew();
        break;
      case "leave":
        this.#attempt += 1; // a join under way is no longer wanted
        break;
      case "keep":
        sessionStorage.setItem(STORED_AS, JSON.stringify(effect.session));
        break;
      case "forget":
        sessionStorage.removeItem(STORED_AS);
    }
  }

  async #join(session: Session): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    const { realm, user, ticket } = session;
    try {
      const link = await Link.join(this.url, { realm, authid: user, ticket }, (sentence) =>
        this.#feed({ is: "lost", sentence }),
      );
      if (attempt !== this.#attempt) return link.leave();
      this.#kept = { ...this.#kept, link };
      this.#feed({ is: "joined" });
    } catch (error) {
      if (attempt !== this.#attempt) return;
      const sentence = sentenceOf(error);
      this.#feed({ is: error instanceof Refused ? "refused" : "failed", sentence });
    }
  }

  async #renew(): Promise<void> {
    const link = this.#kept.link;
    if (!link) return;
    try {
      const session = received(await link.call(RENEW_SESSION, {}));
      if (link === this.#kept.link) this.#feed({ is: "renewed", session });
    } catch {
      if (link === this.#kept.link) this.#feed({ is: "renewal_failed" }); // asked again soon
    }
  }

  /** Any answer, a refusal too, shows that the router is there. */
  async #probe(silenceMs: number): Promise<void> {
    const link = this.#kept.link;
    if (!link || this.#probing || Date.now() - link.heardAtMs < silenceMs) return;
    this.#probing = true;
    const askedAtMs = Date.now();
    try {
      await link.call(LIST_DEVICES, {}, {}, PROBE_TIMEOUT_MS);
    } catch {
      if (link.heardAtMs < askedAtMs) link.drop(t.link.silent);
    } finally {
      this.#probing = false;
    }
  }
}
