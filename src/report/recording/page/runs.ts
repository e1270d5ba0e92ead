/** The cells of a slot map as runs of one value: a map of a million cells is mostly a few thousand of them. */
import { base64 } from "../../../base/text_bytes.js";

/**
 * @returns base64 of pairs of bytes: a value, and how often it comes, 1 to 255. The cells are taken in their order.
 */
export function encodeRuns(cells: Uint8Array): string {
  const pairs = new Uint8Array(cells.length * 2);
  let used = 0;
  for (let at = 0; at < cells.length; ) {
    const value = cells[at]!;
    let count = 1;
    while (count < 255 && at + count < cells.length && cells[at + count] === value) count++;
    pairs[used++] = value;
    pairs[used++] = count;
    at += count;
  }
  return base64(pairs.subarray(0, used));
}
