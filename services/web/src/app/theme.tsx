/** Light or dark: as the system has it, or as chosen in this browser. */

import { useState } from "react";
import { t } from "../texts";

const STORED_AS = "heddle.theme";
const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

function stored(): Theme {
  const found = localStorage.getItem(STORED_AS);
  return THEMES.find((one) => one === found) ?? "auto";
}

/** Puts the choice into force; charts hear of it as `heddle:theme`. */
export function applyTheme(theme: Theme = stored()): void {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  window.dispatchEvent(new Event("heddle:theme"));
}

export function ThemeChoice() {
  const [theme, setTheme] = useState(stored);
  function choose(next: Theme) {
    localStorage.setItem(STORED_AS, next);
    applyTheme(next);
    setTheme(next);
  }
  return (
    <select
      className="plain theme"
      aria-label={t.theme.label}
      value={theme}
      onChange={({ target }) => choose(target.value as Theme)}
      data-testid="theme"
    >
      {THEMES.map((one) => (
        <option key={one} value={one}>
          {t.theme[one]}
        </option>
      ))}
    </select>
  );
}
