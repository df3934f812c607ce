/**
 * The newest values, each written into the page within a frame of its coming.
 *
 * Nothing renders per sample: the hub tells what moved, and its text is replaced.
 */

import { useEffect, useMemo, useRef } from "react";
import { useLink } from "../../app/asking";
import { useDevices } from "../../app/devices";
import { address } from "../../app/routes";
import { keyOf, namesOf, type Pick } from "../../charts/picks";
import type { DashboardPanel } from "../../contract";
import { hubOf, type KnownReading } from "../../telemetry/hub";
import { Painter } from "../../telemetry/paint";
import { t } from "../../texts";
import { Problem, Quiet } from "../../ui/basics";
import { valueText } from "../../ui/format";
import { useSeries } from "./series";

interface Props {
  readonly panel: DashboardPanel;
  readonly isSeen: boolean;
}

const MOST = 200; // one panel may show a tag of a whole fleet

export function ValuePanel({ panel, isSeen }: Props) {
  const { picks, count, isKnown, problem } = useSeries(panel.series, MOST);
  if (panel.series.length === 0) return <Quiet>{t.charts.noSeries}</Quiet>;
  return (
    <>
      {problem && <Problem>{problem}</Problem>}
      {isKnown && picks.length === 0 && <Quiet>{t.charts.noDevices}</Quiet>}
      <Values picks={picks} unit={panel.unit} isSeen={isSeen} />
      {count > picks.length && <Quiet>{t.charts.tooMany(picks.length, count)}</Quiet>}
    </>
  );
}

interface ValuesProps {
  readonly picks: readonly Pick[];
  readonly unit: string;
  readonly isSeen: boolean;
}

function Values({ picks, unit, isSeen }: ValuesProps) {
  const link = useLink();
  const { devices } = useDevices();
  const list = useRef<HTMLUListElement>(null);
  const seen = useRef(isSeen);
  const wake = useRef<() => void>(() => {});
  const names = useMemo(() => namesOf(picks), [picks]);
  const online = useMemo(
    () => new Set((devices ?? []).filter((one) => one.online).map(({ device }) => device)),
    [devices],
  );

  useEffect(() => {
    if (!link || picks.length === 0) return;
    const hub = hubOf(link);
    const places = new Map(picks.map((pick, place) => [keyOf(pick), place]));
    const moved = new Set<number>();
    const cells = [...(list.current?.children ?? [])].map(cellsOf);
    const write = () => {
      if (!seen.current) return; // kept until somebody looks
      for (const place of moved) {
        const { device, tag } = picks[place] as Pick;
        const reading = hub.feed(device).readings.get(tag);
        const cell = cells[place];
        if (reading && cell) writeValue(cell, reading, unit);
      }
      moved.clear();
    };
    const painter = new Painter(write);
    wake.current = painter.touch;
    const ends = [...new Set(picks.map(({ device }) => device))].map((device) =>
      hub.follow(device, (_device, tags) => {
        for (const tag of tags) {
          const place = places.get(keyOf({ device, tag }));
          if (place !== undefined) moved.add(place);
        }
        if (moved.size > 0) painter.touch();
      }),
    );
    return () => {
      for (const end of ends) end();
      painter.end();
    };
  }, [link, picks, unit]);

  useEffect(() => {
    seen.current = isSeen;
    if (isSeen) wake.current();
  }, [isSeen]);

  return (
    <ul className="board-values" ref={list} data-alone={picks.length === 1}>
      {picks.map((pick, place) => (
        <li
          key={keyOf(pick)}
          data-stale={link === null || (devices !== null && !online.has(pick.device))}
        >
          <a href={address(["devices", pick.device])} title={keyOf(pick)}>
            {names[place]}
          </a>
          <span>
            <span
              className="value"
              data-testid="panel-value"
              data-device={pick.device}
              data-tag={pick.tag}
            >
              –
            </span>{" "}
            <span className="quiet unit" />
            <span className="quiet quality" />
            {devices !== null && !online.has(pick.device) && (
              <span className="mark off">{t.charts.offline}</span>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

interface Cells {
  readonly value: HTMLElement | null;
  readonly unit: HTMLElement | null;
  readonly quality: HTMLElement | null;
}

function cellsOf(row: Element): Cells {
  return {
    value: row.querySelector<HTMLElement>(".value"),
    unit: row.querySelector<HTMLElement>(".unit"),
    quality: row.querySelector<HTMLElement>(".quality"),
  };
}

function writeValue(cells: Cells, reading: KnownReading, unit: string): void {
  if (!cells.value) return;
  write(cells.value, valueText(reading.value, reading.type));
  cells.value.dataset.at = String(reading.atMs);
  const quality = String(reading.quality);
  if (cells.value.dataset.quality !== quality) cells.value.dataset.quality = quality;
  write(cells.unit, unit || reading.unit);
  write(cells.quality, t.charts.quality[reading.quality] ?? "");
}

function write(element: HTMLElement | null, text: string): void {
  if (element && element.textContent !== text) element.textContent = text;
}
