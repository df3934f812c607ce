/** What is shown: the sign-in form, the devices, or one device. */

import { useEffect, useMemo, useSyncExternalStore } from "react";
import { Fleet } from "../device/fleet";
import type { Keeper } from "../session/keeper";
import type { Session } from "../session/machine";
import { DeviceList } from "./DeviceList";
import { DevicePage } from "./DevicePage";
import { useRoute } from "./hooks";
import { SignIn } from "./SignIn";
import { Banner, TopBar } from "./TopBar";

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
  return <Project key={`${project}/${user}`} keeper={keeper} session={connection.session} />;
}

function Project({ keeper, session }: { keeper: Keeper; session: Session }) {
  const { connection, link } = useSyncExternalStore(keeper.watch, keeper.kept);
  const fleet = useMemo(() => new Fleet(), []);
  const view = useSyncExternalStore(fleet.watch, fleet.view);
  const [where, device] = useRoute();
  useEffect(() => (link ? fleet.attach(link) : undefined), [fleet, link]);
  const known = view.devices?.find((one) => one.device === device);
  return (
    <>
      <TopBar connection={connection} session={session} onSignOut={() => keeper.signOut()} />
      <Banner connection={connection} onRetry={() => keeper.hurry()} />
      <main>
        {where === "devices" && device ? (
          <DevicePage
            key={device}
            device={device}
            isOnline={known?.online ?? null}
            link={link}
            role={session.role}
          />
        ) : (
          <DeviceList view={view} isStale={link === null} />
        )}
      </main>
    </>
  );
}
