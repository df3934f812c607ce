/** Small hooks: the clock, the address, an element's width. */

import { type RefObject, useEffect, useRef, useState, useSyncExternalStore } from "react";

/** The browser's time, renewed every `everyMs`; 0 holds it still. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (everyMs === 0) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

function watchHash(watcher: () => void): () => void {
  window.addEventListener("hashchange", watcher);
  return () => window.removeEventListener("hashchange", watcher);
}

/** The path behind the `#`, in parts: `#/devices/press_7` -> `["devices", "press_7"]`. */
export function useRoute(): readonly string[] {
  const hash = useSyncExternalStore(watchHash, () => location.hash);
  return hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
}

/** The width of the element that `ref` is given to, in CSS pixels. */
export function useWidth<E extends HTMLElement>(): [RefObject<E | null>, number] {
  const ref = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

/** Calls `act` when the person switches between light and dark. */
export function useColourScheme(): "light" | "dark" {
  const query = "(prefers-color-scheme: dark)";
  const isDark = useSyncExternalStore(
    (watcher) => {
      const media = matchMedia(query);
      media.addEventListener("change", watcher);
      return () => media.removeEventListener("change", watcher);
    },
    () => matchMedia(query).matches,
  );
  return isDark ? "dark" : "light";
}
