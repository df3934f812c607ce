/** What is shown: the sign-in form, or a page in its frame. */

import {
  Component,
  type ReactNode,
  Suspense,
  useEffect,
  useMemo,
  useSyncExternalStore,
} from "react";
import type { Keeper } from "../session/keeper";
import type { Session } from "../session/machine";
import { t } from "../texts";
import { Problem, Quiet } from "../ui/basics";
import { Toasts } from "../ui/toasts";
import { Asking } from "./asking";
import { resolve, useHash } from "./routes";
import { Shell } from "./Shell";
import { SignIn } from "./SignIn";

export function App({ keeper }: { keeper: Keeper }) {
  const { connection } = useSyncExternalStore(keeper.watch, keeper.kept);
  if (connection.at === "signed_out") {
    return (
      <SignIn
        url={keeper.url}
        sentence={connection.sentence}
        onOpen={(session) => keeper.open(session)}
      />
    );
  }
  const { user, project } = connection.session;
  return <SignedIn key={`${project}/${user}`} keeper={keeper} session={connection.session} />;
}

function SignedIn({ keeper, session }: { keeper: Keeper; session: Session }) {
  const { connection, link } = useSyncExternalStore(keeper.watch, keeper.kept);
  const hash = useHash();
  const found = useMemo(() => resolve(hash), [hash]);
  const scope = useMemo(
    () => ({
      link,
      session,
      url: keeper.url,
      open: (other: Session) => keeper.open(other),
      signOut: () => keeper.signOut(),
    }),
    [keeper, link, session],
  );
  const path = hash.split("?")[0];
  useEffect(() => {
    if (!location.hash || location.hash === "#/") location.replace("#/devices");
  }, []);
  return (
    <Asking scope={scope}>
      <Toasts>
        <Shell connection={connection} keeper={keeper} session={session} path={path ?? ""}>
          <Fence key={path}>
            <Suspense fallback={<Quiet>{t.places.loading}</Quiet>}>
              {found ? <found.page ids={found.ids} query={found.query} /> : <Nowhere />}
            </Suspense>
          </Fence>
        </Shell>
      </Toasts>
    </Asking>
  );
}

function Nowhere() {
  return (
    <p data-testid="nowhere">
      {t.places.nowhere} <a href="#/devices">{t.places.toDevices}</a>
    </p>
  );
}

/** A page that breaks takes nothing else down, and says what it said. */
class Fence extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <Problem>
        {t.places.broke} {String(error)}{" "}
        <button type="button" onClick={() => location.reload()}>
          {t.places.again}
        </button>
      </Problem>
    );
  }
}
