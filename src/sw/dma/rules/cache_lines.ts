/**
 * Which cache lines have mappings that a device may write beginning in them. Only the first line of a mapping counts,
 * as in the kernel. Source: Linux kernel/dma/debug.c, active_cacheline_insert.
 */
import { attrIgnoreCacheLines, attrRequireCoherent, attrSkipCpuSync, Direction } from "../../../spec/dma/direction.js";

const lineBytes = 64;
/** Overlaps that the kernel can count: three tag bits. */
export const overlapsMax = 7;

export class CacheLines {
  readonly #count = new Map<number, number>();

  /** @returns how many began in its line before; 0 for mappings that do not count. */
  enter(phys: number, direction: Direction, attributes: number): number {
    if (exempt(direction, attributes)) return 0;
    const line = Math.floor(phys / lineBytes);
    const before = this.#count.get(line) ?? 0;
    this.#count.set(line, before + 1);
    return before;
  }

  leave(phys: number, direction: Direction, attributes: number): void {
    if (exempt(direction, attributes)) return;
    const line = Math.floor(phys / lineBytes);
    const left = (this.#count.get(line) ?? 0) - 1;
    if (left > 0) this.#count.set(line, left);
    else this.#count.delete(line);
  }
}

function exempt(direction: Direction, attributes: number): boolean {
  const without = attrSkipCpuSync | attrIgnoreCacheLines | attrRequireCoherent;
  return direction === Direction.toDevice || (attributes & without) !== 0;
}
