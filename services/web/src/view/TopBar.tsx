/** Who is signed in, where, and whether the page is connected. */

import type { Connection, Session } from "../session/machine";
import { useNow } from "./hooks";

const STATES: Readonly<Record<Connection["at"], string>> = {
  signed_out: "Signed out",
  joining: "Connecting …",
  joined: "Connected",
  waiting: "Disconnected",
};

interface TopBarProps {
  readonly connection: Connection;
  readonly session: Session;
  readonly onSignOut: () => void;
}

export function TopBar({ connection, session, onSignOut }: TopBarProps) {
  return (
    <header className="top-bar">
      <a className="brand" href="#/devices">
        Heddle
      </a>
      <span className="quiet">{session.project}</span>
      <span
        className="connection"
        role="status"
        data-testid="connection"
        data-state={connection.at === "joined" ? "connected" : "disconnected"}
      >
        {STATES[connection.at]}
      </span>
      <span className="quiet who" data-testid="who" data-role={session.role}>
        {session.user}, {session.role}
      </span>
      <button type="button" className="plain" onClick={onSignOut} data-testid="sign-out">
        Sign out
      </button>
    </header>
  );
}

interface BannerProps {
  readonly connection: Connection;
  readonly onRetry: () => void;
}

/** Says that the page is cut off, why, and when it tries again. */
export function Banner({ connection, onRetry }: BannerProps) {
  const isCut =
    connection.at === "waiting" || (connection.at === "joining" && connection.why !== null);
  const now = useNow(isCut ? 500 : 0);
  if (!isCut) return null;
  const leftMs = connection.at === "waiting" ? connection.retry_at_ms - now : 0;
  const seconds = Math.ceil(leftMs / 1000);
  return (
    <div className="banner" role="alert" data-testid="banner">
      <span>
        Disconnected: {connection.why}.{" "}
        <span aria-live="off">
          {seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again now."}
        </span>{" "}
        What you see may be out of date.
      </span>
      <button type="button" onClick={onRetry}>
        Try now
      </button>
    </div>
  );
}
