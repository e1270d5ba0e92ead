/** A buffer on its way through an engine, and the pool that it may have to take. */
import { attrSkipCpuSync, type Direction } from "../../../spec/dma/direction.js";
import type { Engine } from "../engine.js";
import type { EngineParts } from "./parts.js";

/** One call of `map`, with what was found out of the buffer. */
export interface DmaBuffer {
  readonly phys: number;
  readonly size: number;
  readonly direction: Direction;
  readonly attributes: number;
  readonly foreign: boolean;
}

/** The pool's bounds as the contract shows them. */
export function boundsOf(parts: EngineParts): Engine["pool"] {
  if (parts.table === null) return null;
  const { pool, allocator } = parts.table;
  const { start, slots } = pool;
  return {
    start,
    end: start + slots * 2048,
    slabCount: slots,
    get used() {
      return allocator.used;
    },
    get hiwater() {
      return allocator.hiwater;
    },
  };
}

/** SKIP_CPU_SYNC beside what a caller gave: how an error path releases slots without copying. */
export const withoutCopy = (attributes: number): number => attributes | attrSkipCpuSync;
