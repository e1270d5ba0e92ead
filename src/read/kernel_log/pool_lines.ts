/** What the boot log says of the pool: where it lies, in how many areas. */
import { frameBytes } from "../../base/frame.js";

export const poolBounds =
  /software IO TLB(?:: mapped|) ?(?:\[mem|at phys) (?:0x)?([0-9a-f]{5,16}) ?- ?(?:0x)?([0-9a-f]{5,16})\b/i;
export const poolAreas = /software IO TLB: area num (\d{1,9})\./;

/** @returns the bounds in bytes, [from, to), that `poolBounds` found. */
export function boundsOf(m: RegExpExecArray): { readonly from: number; readonly to: number } {
  const to = Number.parseInt(m[2]!, 16);
  // Kernels print the byte after the pool's last one; some of 2012 the last one.
  return { from: Number.parseInt(m[1]!, 16), to: to % frameBytes === 4095 ? to + 1 : to };
}
