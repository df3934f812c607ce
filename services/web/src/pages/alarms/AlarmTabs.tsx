/** The pages about alarms, side by side. */

import { parted } from "../../alarms/filters";
import { address } from "../../app/routes";
import { t } from "../../texts";
import { Tabs } from "../../ui/basics";
import { useActiveAlarms } from "./useAlarms";

export type AlarmTab = "active" | "hidden" | "journal" | "kpis" | "rules" | "notices";

export function AlarmTabs({ open }: { open: AlarmTab }) {
  const { data } = useActiveAlarms();
  const { hidden } = parted(data?.alarms ?? []);
  const tab = (name: AlarmTab, text: string, href: string) => ({
    name: text,
    href,
    isOpen: name === open,
  });
  const words = t.alarms.tabs;
  return (
    <Tabs
      label={t.alarms.sections}
      tabs={[
        tab("active", words.active, address(["alarms"])),
        tab("hidden", words.hidden(hidden.length), address(["alarms"], { list: "hidden" })),
        tab("journal", words.journal, address(["alarms", "journal"])),
        tab("kpis", words.kpis, address(["alarms", "kpis"])),
        tab("rules", words.rules, address(["alarms", "rules"])),
        tab("notices", words.notices, address(["alarms", "rules"], { list: "notices" })),
      ]}
    />
  );
}
