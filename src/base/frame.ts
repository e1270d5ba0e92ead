/** Frame numbers of the address spaces that a DMA crosses. */
import { assert } from "./assert.js";

declare const space: unique symbol;
type Frame<Space extends string> = number & { readonly [space]: Space };

/** A frame as one guest counts it, from 0; what its drivers call physical. */
export type Pfn = Frame<"pfn">;
/** A frame of a guest's memory as the hypervisor names it. */
export type Gfn = Frame<"gfn">;
/** A frame of real memory: what a bus finally addresses. */
export type Mfn = Frame<"mfn">;
/** A frame of the space in which one device's DMA addresses live. */
export type Dfn = Frame<"dfn">;

/** Bytes per frame, as a power of two. */
export const frameLg2 = 12;
/** A 64-bit address has 52 frame bits; a double is exact to 53. */
export const frameBitsMax = 52;

export const pfn = (n: number): Pfn => checked(n, "pfn") as Pfn;
export const gfn = (n: number): Gfn => checked(n, "gfn") as Gfn;
export const mfn = (n: number): Mfn => checked(n, "mfn") as Mfn;
export const dfn = (n: number): Dfn => checked(n, "dfn") as Dfn;

/** The frame `count` frames above `from`, in the same space. */
export function above<F extends Pfn | Gfn | Mfn | Dfn>(from: F, count: number): F {
  return checked(from + count, "frame") as F;
}

function checked(n: number, what: string): number {
  assert(Number.isSafeInteger(n), `${what} is a whole number`);
  assert(n >= 0, `${what} is not negative`);
  assert(n < 2 ** frameBitsMax, `${what} fits ${frameBitsMax} bits`);
  return n;
}
