/** Where in a numbered trail a moment is. */

interface Numbered {
  readonly number: number;
  readonly at_ms: number;
}

/**
 * The `before` that makes a trail begin at the newest entry not after `ms`: null where
 * that is the newest of all. `read` gives the newest entry before a number.
 *
 * Entries are numbered from 1 without gaps and grow with time, so it halves its way.
 */
export async function beforeAt(
  ms: number,
  read: (before: number | null) => Promise<Numbered | null>,
): Promise<number | null> {
  const newest = await read(null);
  if (!newest || newest.at_ms <= ms) return null;
  let [low, high] = [1, newest.number]; // the entry `high` is after `ms`
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = await read(middle + 1); // entry `middle`
    if (found && found.at_ms > ms) high = middle;
    else low = middle + 1;
  }
  return high;
}
