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

/** Light or dark, as the person or the system has it; what draws on a canvas needs it. */
export function useColourScheme(): "light" | "dark" {
  return useSyncExternalStore(watchScheme, scheme);
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function watchScheme(watcher: () => void): () => void {
  prefersDark.addEventListener("change", watcher);
  window.addEventListener("heddle:theme", watcher);
  return () => {
    prefersDark.removeEventListener("change", watcher);
    window.removeEventListener("heddle:theme", watcher);
  };
}

function scheme(): "light" | "dark" {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return prefersDark.matches ? "dark" : "light";
}
