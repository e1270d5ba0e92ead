/**
 * The bounce pool of Linux, alone: it takes the slots that the kernel takes, bit for bit. For authors of emulators and of
 * pools, who want the kernel's own address.
 *
 * Promised: the same addresses as the kernel whose release is given; names and options stay as they are within a minor
 * version.
 *
 * @packageDocumentation
 */
export { Misuse } from "../base/assert.js";
export { type Address, address } from "../base/frame.js";
export {
  type BouncePool,
  type BouncePoolOptions,
  type BounceRequest,
  createBouncePool,
} from "../library/swiotlb/bounce_pool.js";
export { BadOption } from "../library/work_options.js";
export type { Full, FullReason } from "../sw/swiotlb/explain.js";
