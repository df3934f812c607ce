/**
 * One joined WAMP session: typed calls and subscriptions over wampy.
 *
 * It never reconnects: a link that is lost stays lost and says so once. Whoever wants
 * another makes another (`session/keeper.ts`). Every failure is one of `errors.ts`.
 */

import { Wampy } from "wampy";
import type { Procedure, Topic } from "../contract";
import { t } from "../texts";
import { CallTimedOut, fromWamp, LinkLost, Refused } from "./errors";
import { at, everywhere, idsOf } from "./uri";

export interface Credentials {
  readonly realm: string;
  readonly authid: string;
  readonly ticket: string;
}

type Ids = Readonly<Record<string, string>>;
type Listener<Event> = (event: Event, ids: Ids) => void;

const JOIN_TIMEOUT_MS = 10_000;
const CALL_TIMEOUT_MS = 30_000;

/** The router's address: where this page came from. */
export function routerUrl(location: Location): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
}

function newRequestId(): string {
  // Not crypto.randomUUID: that exists on https and localhost only.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Link {
  readonly #wampy: Wampy;
  readonly #pending = new Set<(reason: Error) => void>();
  readonly #listeners = new Map<string, Set<Listener<unknown>>>();
  readonly #subscribed = new Map<string, Promise<void>>();
  #onLost: ((sentence: string) => void) | null = null;
  #open = false;
  #socket: WebSocket | null = null;
  #heardAtMs = Date.now();

  /** Joins a realm. Throws `Refused` or `LinkLost`; later tells `onLost` once. */
  static async join(
    url: string,
    credentials: Credentials,
    onLost: (sentence: string) => void = () => {},
  ): Promise<Link> {
    const link = new Link(url, credentials);
    await link.#connect();
    link.#onLost = onLost;
    return link;
  }

  private constructor(url: string, { realm, authid, ticket }: Credentials) {
    const watch = (socket: WebSocket) => {
      this.#socket = socket;
      socket.addEventListener("message", () => {
        this.#heardAtMs = Date.now();
      });
    };
    this.#wampy = new Wampy(url, {
      realm,
      authid,
      authmethods: ["ticket"],
      onChallenge: () => ticket,
      autoReconnect: false,
      onClose: () => this.#lose(t.link.closed),
      ws: class extends WebSocket {
        constructor(address: string, protocols?: string[]) {
          super(address, protocols);
          watch(this);
        }
      },
    });
    // wampy 8.0 takes no wildcard at a URI's end; `at` and `everywhere` make sound ones.
    Object.assign(this.#wampy, { _validateURI: () => true });
  }

  /** When the router was last heard of, unix ms. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  async #connect(): Promise<void> {
    try {
      await this.#inTime(this.#wampy.connect(), JOIN_TIMEOUT_MS, "the router");
      this.#open = true;
    } catch (thrown) {
      this.#socket?.close();
      throw asJoinError(thrown);
    }
  }

  /** Calls a procedure; `ids` fill its URI. */
  async call<Request, Reply>(
    procedure: Procedure<Request, Reply>,
    request: Request,
    ids: Ids = {},
    timeoutMs = CALL_TIMEOUT_MS,
  ): Promise<Reply> {
    const uri = at(procedure.uri, ids);
    this.#assertOpen();
    const payload = { argsList: [request], argsDict: { request_id: newRequestId() } };
    const answer = this.#wampy.call(uri, payload).catch((thrown: unknown) => {
      throw fromWamp(uri, thrown);
    });
    const { argsList } = await this.#inTime(answer, timeoutMs, uri);
    return (argsList as unknown[])[0] as Reply;
  }

  /** Hears a topic until the returned function is called; without `ids`, everywhere. */
  async hear<Event>(
    topic: Topic<Event>,
    listener: Listener<Event>,
    ids?: Ids,
  ): Promise<() => void> {
    const uri = ids ? at(topic.uri, ids) : everywhere(topic.uri);
    this.#assertOpen();
    const listeners = this.#listeners.get(uri) ?? new Set();
    this.#listeners.set(uri, listeners.add(listener as Listener<unknown>));
    let subscribed = this.#subscribed.get(uri);
    if (!subscribed) {
      subscribed = this.#subscribe(uri, topic.uri, ids);
      this.#subscribed.set(uri, subscribed);
    }
    await this.#inTime(subscribed, CALL_TIMEOUT_MS, uri);
    return () => {
      listeners.delete(listener as Listener<unknown>);
      if (listeners.size === 0) this.#unsubscribe(uri, ids);
    };
  }

  async #subscribe(uri: string, template: string, ids: Ids | undefined): Promise<void> {
    const deliver = ({ argsList, details }: { argsList?: unknown; details: unknown }) => {
      const concrete = (details as { topic?: string }).topic ?? uri;
      const event = (argsList as unknown[] | undefined)?.[0];
      for (const listener of this.#listeners.get(uri) ?? []) {
        listener(event, ids ?? idsOf(template, concrete));
      }
    };
    try {
      await this.#wampy.subscribe(uri, deliver, ids ? undefined : { match: "wildcard" });
    } catch (thrown) {
      this.#subscribed.delete(uri);
      throw fromWamp(uri, thrown);
    }
  }

  #unsubscribe(uri: string, ids: Ids | undefined): void {
    // A wildcard subscription stays as long as the link: wampy 8.0 trips over ending one.
    if (!this.#open || !ids) return;
    this.#subscribed.delete(uri);
    this.#listeners.delete(uri);
    this.#wampy.unsubscribe(uri).catch(() => {}); // fails only with the link itself
  }

  /** Leaves the realm; nobody is told. */
  leave(): void {
    this.#onLost = null;
    if (!this.#open) return;
    this.#lose(t.link.left);
    void this.#wampy.disconnect();
  }

  /** Gives the link up because it seems dead; `onLost` is told at once. */
  drop(sentence: string): void {
    this.#socket?.close();
    this.#lose(sentence);
  }

  #assertOpen(): void {
    if (!this.#open) throw new LinkLost();
  }

  #lose(sentence: string): void {
    const wasOpen = this.#open;
    this.#open = false;
    for (const reject of this.#pending) reject(new LinkLost(sentence));
    this.#pending.clear();
    if (wasOpen) this.#onLost?.(sentence);
  }

  /** `promise`, unless the link is lost or time is up before. */
  #inTime<Value>(promise: Promise<Value>, timeoutMs: number, what: string): Promise<Value> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.#pending.delete(fail);
      };
      const fail = (reason: unknown) => {
        done();
        reject(reason);
      };
      const timer = setTimeout(
        () => fail(new CallTimedOut(t.link.late(what, timeoutMs / 1000))),
        timeoutMs,
      );
      this.#pending.add(fail);
      promise.then((value) => {
        done();
        resolve(value);
      }, fail);
    });
  }
}

function asJoinError(thrown: unknown): Error {
  if (thrown instanceof LinkLost) return thrown;
  if (thrown instanceof CallTimedOut) return new LinkLost(t.link.mute);
  const { errorUri, details } = thrown as { errorUri?: string; details?: { message?: string } };
  return errorUri
    ? new Refused(errorUri, details?.message || errorUri)
    : new LinkLost(t.link.nobody);
}
