/** Asks before a page with unsaved edits is left, as far as the browser lets it. */

import { useEffect, useRef, useState } from "react";

export interface Leaving {
  readonly to: string | null; // where the person wants to go; null: nowhere
  readonly stay: () => void;
  readonly leave: () => void;
}

/** Links, keys and the back button ask through `to`; closing the tab asks by the browser. */
export function useLeaving(isDirty: boolean): Leaving {
  const [to, setTo] = useState<string | null>(null);
  const isGoing = useRef(false);
  useEffect(() => {
    if (!isDirty) return;
    isGoing.current = false;
    const here = pathOf(location.href);
    function onNavigate(event: NavigateEvent) {
      const next = event.destination.url;
      if (isGoing.current || !event.cancelable || pathOf(next) === here) return;
      event.preventDefault();
      setTo(next);
    }
    function onUnload(event: BeforeUnloadEvent) {
      event.preventDefault();
    }
    // Older browsers have no `navigation`: there the edits are kept, but nobody is asked.
    const { navigation } = window as { navigation?: Navigation };
    navigation?.addEventListener("navigate", onNavigate);
    window.addEventListener("beforeunload", onUnload);
    return () => {
      navigation?.removeEventListener("navigate", onNavigate);
      window.removeEventListener("beforeunload", onUnload);
    };
  }, [isDirty]);
  return {
    to,
    stay: () => setTo(null),
    leave: () => {
      isGoing.current = true;
      const next = to;
      setTo(null);
      if (next !== null) location.assign(next);
    },
  };
}

/** What tells one page of ours from another: what stands behind `#`, without the query. */
function pathOf(url: string): string {
  return new URL(url).hash.split("?")[0] ?? "";
}
