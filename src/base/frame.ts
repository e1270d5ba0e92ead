/** Frame numbers of the address spaces that a DMA crosses. */
import { Misuse } from "./assert.js";

declare const space: unique symbol;
/** A frame as one guest counts it, from 0; what its drivers call physical. */
export type Pfn = number & { readonly [space]: "pfn" };
/** A frame of a guest's memory as the hypervisor names it. */
export type Gfn = number & { readonly [space]: "gfn" };
/** A frame of real memory: what a bus finally addresses. */
export type Mfn = number & { readonly [space]: "mfn" };
/** A frame of the space in which one device's DMA addresses live. */
export type Dfn = number & { readonly [space]: "dfn" };

/** A byte address of any of these spaces: 4096 times a frame's number, and where in the frame. */
export type Address = number & { readonly [space]: "address" };

/** Bytes per frame, as a power of two. */
export const frameLg2 = 12;
/**
 * Bytes per frame: the 4 KiB in which memory has owners, whatever page size a kernel has chosen for itself.
 * Modules with loops take it into a constant of their own, `const pageBytes = frameBytes`: V8 folds that, so that a
 * division becomes a shift, and does not fold an import.
 */
export const frameBytes = 2 ** frameLg2;
/** A 64-bit address has 52 frame bits; a double is exact to 53. */
export const frameBitsMax = 52;

/** A frame as a guest counts it. @throws Misuse `bad-frame` for what is no whole number below 2^52 */
export const pfn = (n: number): Pfn => checked(n, "pfn") as Pfn;
/** A frame as the hypervisor names it. @throws Misuse `bad-frame` */
export const gfn = (n: number): Gfn => checked(n, "gfn") as Gfn;
/** A frame of real memory. @throws Misuse `bad-frame` for what is no whole number below 2^52 */
export const mfn = (n: number): Mfn => checked(n, "mfn") as Mfn;
/** A frame of a device's own addresses. @throws Misuse `bad-frame` for what is no whole number below 2^52 */
export const dfn = (n: number): Dfn => checked(n, "dfn") as Dfn;

/**
 * A byte address.
 * @param n from 2^53 on a bigint: a number there may be one that was rounded
 * @throws Misuse `bad-address` for what is no whole number below 2^64, for a number from 2^53 on, and for a bigint from there
 *   on that is not where a frame begins
 */
export function address(n: number | bigint): Address {
  const at = Number(n);
  const isRounded = typeof n === "number" ? n > Number.MAX_SAFE_INTEGER && n < 2 ** 64 : BigInt(at) !== n;
  if (isRounded)
    throw new Misuse("bad-address", `${n}: beyond 2^53 a byte address is a bigint, of where a frame begins`);
  return checkedAddress(at);
}

/** What is given as an address, and may come from who has no compiler. @throws Misuse `bad-address` for what cannot be one */
export function checkedAddress(n: number): Address {
  const isExact = Number.isSafeInteger(n) || (Number.isInteger(n) && n % 2 ** frameLg2 === 0 && n < 2 ** 64);
  if (!(isExact && n >= 0)) throw new Misuse("bad-address", `${n}: a byte address is a whole number`);
  return n as Address;
}

/** The frame `count` frames above `from`, in the same space. */
export function above<F extends Pfn | Gfn | Mfn | Dfn>(from: F, count: number): F {
  return checked(from + count, "frame") as F;
}

function checked(n: number, what: string): number {
  const isFrame = Number.isSafeInteger(n) && n >= 0 && n < 2 ** frameBitsMax;
  if (!isFrame) throw new Misuse("bad-frame", `${what} ${n}: a frame is a whole number below 2^${frameBitsMax}`);
  return n;
}
