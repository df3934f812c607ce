/** Times and spans as charts write them. Pure. */

import { t } from "../texts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "./span";

const two = (part: number) => String(part).padStart(2, "0");

/** `6 h`, `90 min`, `7 d`. */
export function spanText(ms: number): string {
  const known = t.charts.spans[ms];
  if (known) return known;
  if (ms >= 2 * DAY_MS) return t.charts.days(rounded(ms / DAY_MS));
  if (ms >= 2 * HOUR_MS) return t.charts.hours(rounded(ms / HOUR_MS));
  if (ms >= 2 * MINUTE_MS) return t.charts.minutes(rounded(ms / MINUTE_MS));
  return t.charts.seconds(rounded(ms / 1000));
}

const rounded = (count: number) => Math.round(count * 10) / 10;

/** A tick of the time axis: as exact as ticks are apart; the day where it begins. */
export function tickText(ms: number, apartMs: number, isFirst: boolean): string {
  const at = new Date(ms);
  const date = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  if (apartMs >= 300 * DAY_MS) return String(at.getFullYear());
  if (apartMs >= 27 * DAY_MS) return `${at.getFullYear()}-${two(at.getMonth() + 1)}`;
  if (apartMs >= DAY_MS) return date;
  const isMidnight = at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0;
  if (isMidnight && !isFirst) return date;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  return apartMs >= MINUTE_MS ? time : `${time}:${two(at.getSeconds())}`;
}

/** A moment under the pointer: with the date and as exact as the picture. */
export function cursorText(ms: number, lengthMs: number): string {
  const at = new Date(ms);
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (lengthMs > 2 * DAY_MS) return `${date} ${time}`;
  const exact = `${time}:${two(at.getSeconds())}`;
  if (lengthMs > 2 * MINUTE_MS) return `${date} ${exact}`;
  return `${date} ${exact}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** From when to when; the date once where it is one day. */
export function rangeText(fromMs: number, toMs: number): string {
  const [from, to] = [cursorText(fromMs, toMs - fromMs), cursorText(toMs, toMs - fromMs)];
  const [day, time] = to.split(" ");
  return t.charts.fromTo(from, from.startsWith(`${day} `) ? (time ?? to) : to);
}
