/** Text to take elsewhere, with a button that copies it. */

import { useRef, useState } from "react";
import { t } from "../texts";
import { Button } from "./basics";

/** Puts text on the clipboard; false where the browser forbids it. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text); // there on https and localhost only
    return true;
  } catch {
    return false;
  }
}

/** A line to be copied: by the button, or by hand where the browser forbids that. */
export function CopyLine({ text, label, name }: { text: string; label: string; name: string }) {
  const line = useRef<HTMLInputElement>(null);
  const [isCopied, setCopied] = useState(false);
  async function copy() {
    line.current?.select();
    setCopied(await copyText(text));
  }
  return (
    <div className="copy">
      <input
        ref={line}
        readOnly
        value={text}
        aria-label={label}
        className="mono"
        onFocus={({ target }) => target.select()}
        data-testid={name}
      />
      <Button onClick={() => void copy()} data-testid={`${name}-copy`}>
        {isCopied ? t.ui.copied : t.ui.copy}
      </Button>
    </div>
  );
}
