/** The addresses of the page, `#/devices/press_7/runs/run_1`, and the pages behind them. */

import { type ComponentType, type LazyExoticComponent, lazy, useSyncExternalStore } from "react";
import { t } from "../texts";

/** What a page gets: the ids in its address, and what stands behind the `?`. */
export interface PageProps {
  readonly ids: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

type Page = LazyExoticComponent<ComponentType<PageProps>>;

export interface Route {
  readonly path: string; // `devices/:device`
  readonly page: Page;
}

const page = (load: () => Promise<{ default: ComponentType<PageProps> }>): Page => lazy(load);

/** The first that fits is shown. Every page is a file of its own, loaded when opened. */
export const ROUTES: readonly Route[] = [
  { path: "devices", page: page(() => import("../pages/fleet/FleetPage")) },
  { path: "devices/:device", page: page(() => import("../pages/device/DevicePage")) },
  { path: "devices/:device/runs/:run", page: page(() => import("../pages/run/RunPage")) },
  { path: "runs", page: page(() => import("../pages/run/RunsPage")) },
  { path: "flows", page: page(() => import("../pages/flows/FlowsPage")) },
  { path: "flows/:flow", page: page(() => import("../pages/flows/FlowPage")) },
  { path: "flows/:flow/design", page: page(() => import("../pages/designer/DesignerPage")) },
  { path: "deployments", page: page(() => import("../pages/deployments/DeploymentsPage")) },
  { path: "deployments/new", page: page(() => import("../pages/deployments/NewPage")) },
  { path: "deployments/:deployment", page: page(() => import("../pages/deployments/OnePage")) },
  { path: "charts", page: page(() => import("../pages/charts/ChartsPage")) },
  { path: "dashboards", page: page(() => import("../pages/charts/DashboardsPage")) },
  { path: "dashboards/:dashboard", page: page(() => import("../pages/charts/DashboardPage")) },
  { path: "alarms", page: page(() => import("../pages/alarms/AlarmsPage")) },
  { path: "alarms/journal", page: page(() => import("../pages/alarms/JournalPage")) },
  { path: "alarms/kpis", page: page(() => import("../pages/alarms/KpisPage")) },
  { path: "alarms/rules", page: page(() => import("../pages/alarms/RulesPage")) },
  { path: "people", page: page(() => import("../pages/people/PeoplePage")) },
  { path: "keys", page: page(() => import("../pages/people/KeysPage")) },
  { path: "projects", page: page(() => import("../pages/people/ProjectsPage")) },
  { path: "audit", page: page(() => import("../pages/people/AuditPage")) },
  { path: "account", page: page(() => import("../pages/people/AccountPage")) },
];

/** What the navigation offers, with the key that leads there after `g`. */
export const PLACES = [
  { path: "devices", name: t.places.devices, key: "d" },
  { path: "runs", name: t.places.runs, key: "r" },
  { path: "flows", name: t.places.flows, key: "f" },
  { path: "deployments", name: t.places.deployments, key: "p" },
  { path: "charts", name: t.places.charts, key: "c" },
  { path: "dashboards", name: t.places.dashboards, key: "b" },
  { path: "alarms", name: t.places.alarms, key: "a" },
  { path: "people", name: t.places.people, key: "u" },
  { path: "audit", name: t.places.audit, key: "l" },
] as const;

const watchers = new Set<() => void>();

function watchHash(watcher: () => void): () => void {
  watchers.add(watcher);
  window.addEventListener("hashchange", watcher); // links, back and forward
  return () => {
    watchers.delete(watcher);
    window.removeEventListener("hashchange", watcher);
  };
}

/** What stands behind the `#`. */
export function useHash(): string {
  return useSyncExternalStore(watchHash, () => location.hash);
}

/** The page an address leads to, if there is one. */
export function resolve(hash: string): (PageProps & { readonly page: Page }) | null {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  for (const { path: template, page } of ROUTES) {
    const ids = fits(template.split("/"), parts);
    if (ids) return { page, ids, query: new URLSearchParams(query) };
  }
  return null;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray percent sign: no page has such an address
  }
}

function fits(template: readonly string[], parts: readonly string[]) {
  if (template.length !== parts.length) return null;
  const ids: Record<string, string> = {};
  for (const [place, name] of template.entries()) {
    const part = parts[place] ?? "";
    if (name.startsWith(":")) ids[name.slice(1)] = part;
    else if (name !== part) return null;
  }
  return ids;
}

type Query = Readonly<Record<string, string | number | null | undefined>>;

/** An address: `link(["devices", device], { tab: "logs" })`. */
export function address(parts: readonly string[], query: Query = {}): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") asked.set(name, String(value));
  }
  const text = asked.toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

/** Opens an address. */
export function go(hash: string): void {
  if (hash !== location.hash) told(() => history.pushState(null, "", hash));
}

/** Changes the address without a step to go back to: filters, tabs, spans of time. */
export function replaceQuery(query: Query): void {
  const path = location.hash.replace(/^#\/?/, "").split("?")[0] ?? "";
  const parts = path.split("/").filter(Boolean).map(decoded);
  told(() => history.replaceState(null, "", address(parts, query)));
}

/** At once, not with the browser's event: a field that stands in the address must hold
 * what was typed before the next key comes, or React puts the old text back. */
function told(change: () => void): void {
  change();
  for (const watcher of watchers) watcher();
}
