/** The frame of every page: where to go, who is signed in, whether the page is connected. */

import { type ReactNode, useEffect, useRef, useState } from "react";
import { AlarmBadge } from "../pages/alarms/AlarmBadge";
import type { Keeper } from "../session/keeper";
import type { Connection, Session } from "../session/machine";
import { t } from "../texts";
import { Dialog } from "../ui/Dialog";
import { useNow } from "../ui/hooks";
import { useKeys } from "../ui/keys";
import { go, PLACES } from "./routes";
import { ThemeChoice } from "./theme";

interface Props {
  readonly connection: Connection;
  readonly keeper: Keeper;
  readonly session: Session;
  readonly path: string;
  readonly children: ReactNode;
}

export function Shell({ connection, keeper, session, path, children }: Props) {
  const [isOpen, setOpen] = useState(false); // the navigation, on a phone
  const [showsKeys, setShowsKeys] = useState(false);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: at every change of page
  useEffect(() => {
    setOpen(false);
    if (isFirst.current) isFirst.current = false;
    else main.current?.focus({ preventScroll: true }); // readers hear the new page
    window.scrollTo(0, 0);
  }, [path]);
  useKeys({
    "?": () => setShowsKeys(true),
    "/": () => main.current?.querySelector<HTMLElement>("[type=search]")?.focus(),
    ...Object.fromEntries(PLACES.map((place) => [`g ${place.key}`, () => go(`#/${place.path}`)])),
  });
  return (
    <>
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        {t.places.skip}
      </button>
      <header className="top-bar">
        <button
          type="button"
          className="plain menu-button"
          aria-expanded={isOpen}
          aria-controls="places"
          onClick={() => setOpen(!isOpen)}
          data-testid="menu"
        >
          {t.places.menu}
        </button>
        <a className="brand" href="#/devices">
          {t.brand}
        </a>
        <a className="quiet project" href="#/projects" data-testid="project">
          {session.project}
        </a>
        <AlarmBadge />
        <span
          className="connection"
          role="status"
          data-testid="connection"
          data-state={connection.at === "joined" ? "connected" : "disconnected"}
        >
          {t.connection[connection.at]}
        </span>
        <ThemeChoice />
        <a className="quiet who" href="#/account" data-testid="who" data-role={session.role}>
          {session.user}, {session.role}
        </a>
        <button
          type="button"
          className="plain"
          onClick={() => keeper.signOut()}
          data-testid="sign-out"
        >
          {t.connection.signOut}
        </button>
      </header>
      <Banner connection={connection} onRetry={() => keeper.hurry()} />
      <div className="frame">
        <nav id="places" aria-label={t.places.navigation} data-open={isOpen}>
          {PLACES.map((place) => (
            <a
              key={place.path}
              href={`#/${place.path}`}
              aria-current={isIn(path, place.path) ? "page" : undefined}
              data-testid={`to-${place.path}`}
            >
              {place.name}
            </a>
          ))}
        </nav>
        <main ref={main} id="page-main" tabIndex={-1}>
          {children}
        </main>
      </div>
      {showsKeys && <Keys onClose={() => setShowsKeys(false)} />}
    </>
  );
}

const isIn = (path: string, place: string) =>
  path === `#/${place}` || path.startsWith(`#/${place}/`);

/** Says that the page is cut off, why, and when it tries again. */
function Banner({ connection, onRetry }: { connection: Connection; onRetry: () => void }) {
  const isCut =
    connection.at === "waiting" || (connection.at === "joining" && connection.why !== null);
  const now = useNow(isCut ? 500 : 0);
  if (!isCut) return null;
  const leftMs = connection.at === "waiting" ? connection.retry_at_ms - now : 0;
  const seconds = Math.ceil(leftMs / 1000);
  return (
    <div className="banner" role="alert" data-testid="banner">
      <span>
        {t.connection.disconnected(connection.why ?? "")}{" "}
        <span aria-live="off">
          {seconds > 0 ? t.connection.tryingIn(seconds) : t.connection.tryingNow}
        </span>{" "}
        {t.connection.outOfDate}
      </span>
      <button type="button" onClick={onRetry}>
        {t.connection.tryNow}
      </button>
    </div>
  );
}

function Keys({ onClose }: { onClose: () => void }) {
  const keys: readonly (readonly [string, string])[] = [
    ...PLACES.map(({ key, name }) => [`g ${key}`, t.keys.go(name)] as const),
    ["/", t.keys.search],
    ["↑ ↓", t.keys.rows],
    ["Esc", t.keys.close],
    ["?", t.keys.help],
  ];
  return (
    <Dialog title={t.keys.title} name="keys-dialog" onClose={onClose}>
      <dl className="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
