/** How many devices came to what, as one bar. */

import { type Counts, sharesOf } from "../../deployments/progress";
import { countsText } from "../../deployments/words";

export function Bar({ counts, label }: { readonly counts: Counts; readonly label?: string }) {
  const text = countsText(counts);
  return (
    <span
      className="deployments-bar"
      role="img"
      aria-label={label ? `${label}: ${text}` : text}
      title={text}
    >
      {sharesOf(counts).map(({ status, count }) => (
        <span key={status} className={status} style={{ flexGrow: count }} />
      ))}
    </span>
  );
}
