/** Structures whose addresses are inputs of a second stage: where they really lie. */
import { frameBytes } from "../../base/frame.js";
import type { MemoryView } from "../../mem/view.js";
import { FrameSource } from "../frame_source.js";
import { planOf, rootProblem } from "../plan.js";
import type { TableRoot } from "../root.js";
import { Need, walk } from "../walk.js";

const sources = new WeakMap<MemoryView, FrameSource>();

/**
 * @param second null: the address is a physical one already
 * @returns physical byte address, or null when the second stage does not let it be read.
 */
export function through(memory: MemoryView, second: TableRoot | null, address: number): number | null {
  if (second === null) return address;
  if (rootProblem(second) !== null || !(address < 2 ** 52)) return null;
  let source = sources.get(memory);
  if (source === undefined) {
    source = FrameSource.of(memory);
    sources.set(memory, source);
  }
  const frame = walk(planOf(second), source, second.address, Math.floor(address / frameBytes), Need.read);
  return frame < 0 ? null : frame * frameBytes + (address % frameBytes);
}
