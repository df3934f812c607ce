/** Values and times as the page writes them. */

import type { Tag } from "../contract";
import { t } from "../texts";

/** A value with a steady number of digits; an en dash where there is none. */
export function valueText(value: unknown, type: Tag["type"]): string {
  if (value === null || value === undefined) return "–";
  if (type === "boolean" || typeof value === "boolean") return value ? t.ui.on : t.ui.off;
  if (typeof value !== "number") return String(value);
  if (type === "integer") return value.toFixed(0);
  const size = Math.abs(value);
  return value.toFixed(size < 100 ? 2 : size < 10_000 ? 1 : 0);
}

const two = (part: number) => String(part).padStart(2, "0");

/** Local time of day, e.g. 14:03:09. */
export function timeText(ms: number): string {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Time of day, with the date when it is not today. */
export function momentText(ms: number, nowMs: number): string {
  const [at, now] = [new Date(ms), new Date(nowMs)];
  const isToday = at.toDateString() === now.toDateString();
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return isToday ? timeText(ms) : `${date} ${timeText(ms)}`;
}

/** How long ago, roughly: for a glance. */
export function agoText(ms: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - ms) / 1000));
  if (seconds < 60) return t.ui.justNow;
  if (seconds < 3600) return t.ui.minutesAgo(Math.floor(seconds / 60));
  if (seconds < 86_400) return t.ui.hoursAgo(Math.floor(seconds / 3600));
  return t.ui.daysAgo(Math.floor(seconds / 86_400));
}

/** A time as a `datetime-local` field has it, in local time. */
export function fieldTime(ms: number): string {
  const at = new Date(ms);
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
