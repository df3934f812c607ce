/** Tags to choose from: by name with the devices that have them, or by device. */

import { type KeyboardEvent, type ReactNode, useDeferredValue, useId, useState } from "react";
import { useAsk } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { isSame, MOST_PICKS, type Pick, toggled } from "../../charts/picks";
import { FIND_TAGS, type FoundTag } from "../../contract";
import { t } from "../../texts";
import { Button, Problem, Quiet, Search } from "../../ui/basics";
import { Dialog } from "../../ui/Dialog";

interface Props {
  readonly picks: readonly Pick[];
  readonly onPicks: (picks: readonly Pick[]) => void;
  readonly onClose: () => void;
  readonly takesTexts?: boolean; // values may be text, charts not
}

type By = "tag" | "device";

const MOST_SHOWN = 60;

export function TagPicker({ picks, onPicks, onClose, takesTexts = false }: Props) {
  const [search, setSearch] = useState("");
  const [by, setBy] = useState<By>("tag");
  const asked = useDeferredValue(search.trim());
  const { data, problem } = useAsk(FIND_TAGS, { search: asked }, { keeps: true });
  const tags = (data?.tags ?? []).filter((tag) => takesTexts || isDrawable(tag));
  const chosen = { picks, onPick: (pick: Pick) => onPicks(toggled(picks, pick)) };
  return (
    <Dialog title={t.charts.pick} name="tag-picker" isWide onClose={onClose}>
      <div className="filters">
        <Search
          value={search}
          onChange={setSearch}
          label={t.charts.searchTags}
          name="search-tags"
        />
        <fieldset className="windows">
          <legend className="hidden">{t.charts.pickTitle}</legend>
          {(["tag", "device"] as const).map((one) => (
            <label key={one}>
              <input
                type="radio"
                name="picked-by"
                checked={by === one}
                onChange={() => setBy(one)}
              />
              {one === "tag" ? t.charts.byTag : t.charts.byDevice}
            </label>
          ))}
        </fieldset>
      </div>
      {problem && <Problem>{problem}</Problem>}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the keys are of what is inside */}
      <div className="charts-tree" data-testid="tag-tree" onKeyDown={walk}>
        {!data && !problem && <Quiet>{t.ui.loading}</Quiet>}
        {data && by === "tag" && (
          <ByTag tags={tags} {...chosen} isOpen={asked !== "" && tags.length < 4} />
        )}
        {data && by === "device" && (
          <ByDevice tags={tags} search={asked} {...chosen} takesTexts={takesTexts} />
        )}
        {data && tags.length === 0 && <Quiet>{t.charts.noTags}</Quiet>}
        {data?.more && <Quiet>{t.charts.moreTags}</Quiet>}
      </div>
      <div className="buttons">
        <Button look="primary" onClick={onClose} data-testid="tags-done">
          {t.charts.done}
        </Button>
        <span className="quiet" aria-live="polite" data-testid="tags-chosen">
          {t.charts.picked(picks.length)}
        </span>
      </div>
    </Dialog>
  );
}

/** Up and down lead from one thing to the next. */
function walk(event: KeyboardEvent<HTMLDivElement>) {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step === 0) return;
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>("button, input:enabled")];
  const next = all[all.indexOf(event.target as HTMLElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

const isDrawable = ({ type }: FoundTag) => type !== "text" && type !== "json";

interface Choosing {
  readonly picks: readonly Pick[];
  readonly onPick: (pick: Pick) => void;
}

function ByTag({
  tags,
  isOpen,
  ...choosing
}: Choosing & { tags: readonly FoundTag[]; isOpen: boolean }) {
  return tags.map((tag) => (
    <Branch
      key={`${tag.tag}/${tag.unit}/${tag.type}/${tag.writable}`}
      name={tag.tag}
      note={`${tag.unit ? `${tag.unit}, ` : ""}${t.charts.ofDevices(tag.count)}`}
      count={choosing.picks.filter(({ tag: one }) => one === tag.tag).length}
      isOpenAtFirst={isOpen}
    >
      {() => <Devices tag={tag} {...choosing} />}
    </Branch>
  ));
}

function Devices({ tag, ...choosing }: Choosing & { tag: FoundTag }) {
  const shown = tag.devices.slice(0, MOST_SHOWN);
  return (
    <>
      {shown.map((device) => (
        <Leaf key={device} pick={{ device, tag: tag.tag }} name={device} {...choosing} />
      ))}
      {tag.count > shown.length && <Quiet>{t.charts.moreDevices(tag.count - shown.length)}</Quiet>}
    </>
  );
}

interface ByDeviceProps extends Choosing {
  readonly tags: readonly FoundTag[];
  readonly search: string;
  readonly takesTexts: boolean;
}

function ByDevice({ tags, search, takesTexts, ...choosing }: ByDeviceProps) {
  const { devices } = useDevices();
  const having = new Set(tags.flatMap((tag) => tag.devices));
  const text = search.toLowerCase();
  const fit = (devices ?? []).filter(({ device }) => device.includes(text) || having.has(device));
  const shown = fit.slice(0, MOST_SHOWN);
  return (
    <>
      {shown.map(({ device }) => (
        <Branch
          key={device}
          name={device}
          note=""
          count={choosing.picks.filter((pick) => pick.device === device).length}
          isOpenAtFirst={shown.length === 1}
        >
          {() => (
            <Tags
              device={device}
              search={device.includes(text) ? "" : search}
              takesTexts={takesTexts}
              {...choosing}
            />
          )}
        </Branch>
      ))}
      {fit.length > shown.length && (
        <Quiet>{t.charts.moreDevices(fit.length - shown.length)}</Quiet>
      )}
    </>
  );
}

interface TagsProps extends Choosing {
  readonly device: string;
  readonly search: string;
  readonly takesTexts: boolean;
}

function Tags({ device, search, takesTexts, ...choosing }: TagsProps) {
  const { data, problem } = useAsk(FIND_TAGS, { device, search });
  if (problem) return <Problem>{problem}</Problem>;
  if (!data) return <Quiet>{t.ui.loading}</Quiet>;
  const tags = data.tags.filter((tag) => takesTexts || isDrawable(tag));
  if (tags.length === 0) return <Quiet>{t.charts.noTags}</Quiet>;
  return tags.map(({ tag, unit }) => (
    <Leaf key={tag} pick={{ device, tag }} name={tag} note={unit} {...choosing} />
  ));
}

interface BranchProps {
  readonly name: string;
  readonly note: string;
  readonly count: number; // chosen in it
  readonly isOpenAtFirst: boolean;
  readonly children: () => ReactNode;
}

function Branch({ name, note, count, isOpenAtFirst, children }: BranchProps) {
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  const id = useId();
  return (
    <div className="branch">
      <button
        type="button"
        className="plain"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
        data-testid="tag-branch"
        data-name={name}
      >
        <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {name}{" "}
        <span className="quiet">{note}</span>
        {count > 0 && <span className="mark">{count}</span>}
      </button>
      <div id={id} className="leaves" hidden={!isOpen}>
        {isOpen && children()}
      </div>
    </div>
  );
}

interface LeafProps extends Choosing {
  readonly pick: Pick;
  readonly name: string;
  readonly note?: string;
}

function Leaf({ pick, name, note = "", picks, onPick }: LeafProps) {
  const isChosen = picks.some((one) => isSame(one, pick));
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={isChosen}
        disabled={!isChosen && picks.length >= MOST_PICKS}
        onChange={() => onPick(pick)}
        data-testid="tag-leaf"
        data-device={pick.device}
        data-tag={pick.tag}
      />
      {name} <span className="quiet">{note}</span>
    </label>
  );
}
