/** Keys of a page: single ones and sequences such as `g d`; never while somebody types. */

import { useEffect, useRef } from "react";

const SEQUENCE_MS = 1_200;
const TYPED_INTO =
  "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable=true], .cm-editor";

/** `useKeys({ "g d": toDevices, "?": help })`; the handlers may change. */
export function useKeys(handlers: Readonly<Record<string, () => void>>): void {
  const newest = useRef(handlers);
  newest.current = handlers;
  useEffect(() => {
    let former = "";
    let formerAtMs = 0;
    function hear(event: KeyboardEvent) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const path = event.composedPath()[0]; // inside a shadow root, too
      if (path instanceof Element && path.closest(TYPED_INTO)) return;
      if (document.querySelector("dialog[open]")) return;
      const isSequence = event.timeStamp - formerAtMs < SEQUENCE_MS;
      const handler =
        (isSequence && newest.current[`${former} ${event.key}`]) || newest.current[event.key];
      former = event.key;
      formerAtMs = event.timeStamp;
      if (!handler) return;
      event.preventDefault();
      handler();
    }
    window.addEventListener("keydown", hear);
    return () => window.removeEventListener("keydown", hear);
  }, []);
}
