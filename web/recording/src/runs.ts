/** The inverse of the runs in which a slot map travels: pairs of a value and how often it comes. */

/** @param count cells expected; what is missing stays 0 and what is too much is dropped. */
export function decodeRuns(base64: string, count: number): Uint8Array {
  const pairs = atob(base64);
  const cells = new Uint8Array(count);
  let at = 0;
  for (let i = 0; i + 1 < pairs.length && at < count; i += 2) {
    const end = at + pairs.charCodeAt(i + 1);
    cells.fill(pairs.charCodeAt(i), at, end);
    at = end;
  }
  return cells;
}
