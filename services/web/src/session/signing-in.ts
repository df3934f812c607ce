/** Signing in: from a password to a ticket for one project. */

import {
  LIST_PROJECTS,
  OPEN_SESSION,
  type Project,
  type SessionTicket,
  SYSTEM_REALM,
} from "../contract";
import { Link } from "../wamp/link";
import type { Session } from "./machine";

/** Asks the person which of several projects to open. */
export type Choose = (projects: readonly Project[]) => Promise<string>;

export const CLIENT = "page"; // in the list of sessions

/** A link as a person who has chosen no project yet; whoever has it, leaves it. */
export function joinAsPerson(url: string, user: string, password: string): Promise<Link> {
  return Link.join(url, { realm: SYSTEM_REALM, authid: user, ticket: password });
}

/** A session of one of the person's projects. Throws `Refused`, `FleetError`, `LinkLost`. */
export async function openSession(
  url: string,
  user: string,
  password: string,
  choose: Choose,
): Promise<Session> {
  const link = await joinAsPerson(url, user, password);
  try {
    const { projects } = await link.call(LIST_PROJECTS, {});
    const project = projects.length > 1 ? await choose(projects) : null;
    return received(await link.call(OPEN_SESSION, { project, client: CLIENT }));
  } finally {
    link.leave();
  }
}

/** The ticket, with the browser's time of its arrival. */
export function received(ticket: SessionTicket): Session {
  return { ...ticket, received_at_ms: Date.now() };
}
