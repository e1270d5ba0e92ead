/** Lines that mail and forums broke in two, and quoted: put together again where they stand. */

const newline = 10;
const space = 32;
const quote = 62;
const comma = 44;

/** A longer line is no second half of an event's. */
const halfMax = 4096;

/** @returns where the line's own text begins, behind `> ` of quotes. */
export function unquoted(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === quote) {
    at++;
    if (bytes[at] === space) at++;
  }
  return at;
}

/**
 * Append the line after the one that ends at `end` to it: its text follows, and its newline stays where it was.
 *
 * @param end of the first line: its newline
 * @param to  behind the last line that may be read
 * @returns false, and nothing is changed, when there is no further line or none that could be a second half.
 */
export function joinNext(bytes: Uint8Array, end: number, to: number): boolean {
  let from = unquoted(bytes, end + 1);
  if (from >= to) return false;
  while (bytes[from] === space || bytes[from] === 9) from++;
  const last = bytes.indexOf(newline, from);
  if (last === -1 || last >= to || last === from || last - from > halfMax) return false;
  let into = end;
  while (into > 0 && (bytes[into - 1] === space || bytes[into - 1] === 13)) into--;
  // A list broken behind a comma has no blank there.
  if (bytes[into - 1] !== comma) bytes[into++] = space;
  bytes.copyWithin(into, from, last);
  bytes.fill(space, into + last - from, last);
  return true;
}
