/**
 * Questions, commands and topics for components: what a page knows of the fleet.
 *
 * `useAsk` keeps an answer fresh, `useTell` gives one command at a time, `useHear` follows
 * a topic. All wait for a link, begin anew after each rejoin, and keep what was known while
 * there is none; `isStale` says so.
 */

import {
  keepPreviousData,
  QueryClient,
  QueryClientProvider,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { createContext, type ReactNode, use, useEffect, useMemo, useRef } from "react";
import type { Procedure, Role, Topic } from "../contract";
import type { Session } from "../session/machine";
import { CallTimedOut, FleetError, LinkLost, sentenceOf } from "../wamp/errors";
import type { Link } from "../wamp/link";
import { type Command, useCommand } from "./command";

type Ids = Readonly<Record<string, string>>;

/** Who is signed in, and the link while there is one. */
export interface Scope {
  readonly link: Link | null;
  readonly session: Session;
  readonly url: string; // of the router
  readonly open: (session: Session) => void; // goes on with another one
  readonly signOut: () => void;
}

const ScopeContext = createContext<Scope | null>(null);
const PASSING = ["wamp.error.no_such_procedure", "wamp.error.canceled"];
const TRIES = 4;
const RETRY_MS = 2_000;

/** Gives all below it the link, the person, and a memory of their own for answers. */
export function Asking({ scope, children }: { scope: Scope; children: ReactNode }) {
  const client = useMemo(() => makeClient(), []);
  const { link } = scope;
  useEffect(() => {
    if (link) void client.invalidateQueries();
  }, [client, link]);
  return (
    <QueryClientProvider client={client}>
      <ScopeContext value={scope}>{children}</ScopeContext>
    </QueryClientProvider>
  );
}

function makeClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        networkMode: "always", // the router may be on this machine
        refetchOnWindowFocus: true,
        retry: (failures, error) => failures < TRIES && isPassing(error),
        retryDelay: RETRY_MS,
      },
    },
  });
}

/** Whether it may well succeed when asked again. */
function isPassing(error: unknown): boolean {
  if (error instanceof LinkLost || error instanceof CallTimedOut) return true;
  return error instanceof FleetError && PASSING.includes(error.uri);
}

export function useScope(): Scope {
  const scope = use(ScopeContext);
  if (!scope) throw new Error("useScope outside of <Asking>");
  return scope;
}

export function useLink(): Link | null {
  return useScope().link;
}

/** Whether this person may call `procedure`: what they may not is not offered. */
export function useMay(procedure: { readonly calledBy: readonly Role[] }): boolean {
  return procedure.calledBy.includes(useScope().session.role);
}

export interface Asked<Reply> {
  readonly data: Reply | undefined; // undefined: not known yet
  readonly problem: string | null; // why the newest question failed
  readonly error: unknown;
  readonly isStale: boolean; // what is shown may be out of date
  readonly isAsking: boolean;
  readonly refresh: () => void;
}

interface AskOptions {
  readonly ids?: Ids;
  readonly everyMs?: number; // asked again as often as this
  readonly isWanted?: boolean; // false: not now
  readonly keeps?: boolean; // shows the former answer while another question is asked
}

/** Asks, and keeps the answer: `useAsk(GET_FLOW, { flow, version })`. */
export function useAsk<Request, Reply>(
  procedure: Procedure<Request, Reply>,
  request: Request,
  { ids = {}, everyMs, isWanted = true, keeps = false }: AskOptions = {},
): Asked<Reply> {
  const { link } = useScope();
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: [procedure.uri, ids, request],
    queryFn: () => {
      if (!link) throw new LinkLost();
      return link.call(procedure, request, ids);
    },
    enabled: link !== null && isWanted,
    refetchInterval: everyMs ?? false,
    ...(keeps ? { placeholderData: keepPreviousData } : {}),
  });
  return {
    data,
    problem: error ? sentenceOf(error) : null,
    error,
    isStale: link === null || error !== null,
    isAsking: isFetching,
    refresh: () => void refetch(),
  };
}

/** Makes whoever shows answers of these procedures ask again. */
export function useRefresh(): (...procedures: readonly { readonly uri: string }[]) => void {
  const client = useQueryClient();
  return (...procedures) => {
    for (const { uri } of procedures) void client.invalidateQueries({ queryKey: [uri] });
  };
}

export interface Telling<Request, Reply> extends Command {
  /** Gives the command; null when it failed, and `problem` says why. */
  readonly tell: (request: Request, ids?: Ids) => Promise<Reply | null>;
}

/** A command: `const archive = useTell(ARCHIVE_FLOW, LIST_FLOWS)`, `archive.tell({ flow })`. */
export function useTell<Request, Reply>(
  procedure: Procedure<Request, Reply>,
  ...changes: readonly { readonly uri: string }[] // whose answers it makes old
): Telling<Request, Reply> {
  const { link } = useScope();
  const refresh = useRefresh();
  const command = useCommand();
  async function tell(request: Request, ids: Ids = {}): Promise<Reply | null> {
    let reply: Reply | null = null;
    await command.perform(procedure.uri, async () => {
      if (!link) throw new LinkLost();
      reply = await link.call(procedure, request, ids);
    });
    refresh(...changes);
    return reply;
  }
  return { ...command, tell };
}

/** Follows a topic while shown; without `ids` of all devices. The listener may change. */
export function useHear<Event>(
  topic: Topic<Event>,
  listener: (event: Event, ids: Ids) => void,
  ids?: Ids,
): void {
  const { link } = useScope();
  const newest = useRef(listener);
  newest.current = listener;
  const key = ids ? JSON.stringify(ids) : null;
  useEffect(() => {
    if (!link) return;
    let isOver = false;
    const heard = link.hear(
      topic,
      (event, where) => {
        if (!isOver) newest.current(event, where);
      },
      key === null ? undefined : (JSON.parse(key) as Ids),
    );
    heard.catch(() => {}); // a lost link is told elsewhere, and joined anew
    return () => {
      isOver = true;
      heard.then(
        (unhear) => unhear(),
        () => {}, // the link is lost, or the role may not hear it
      );
    };
  }, [link, topic, key]);
}
