/** The swiotlb bounce pool: slots, searches, growth, copies and the boot parameter. */
export { Allocator, type AllocatorShape, type MapRequest } from "./allocator.js";
export {
  adjustAreas,
  adjustForEncryption,
  adjustForSmallBuffers,
  allocateEarly,
  allocateLate,
  type Boot,
  bootDefaults,
  limitAreas,
  type Mode,
} from "./boot.js";
export { Bounce, type Range } from "./bounce.js";
export { type Bug, type BugId, bugs } from "./bugs.js";
export { type Asked, type Full, type FullReason, whyFull } from "./explain.js";
export * as message from "./message.js";
export type { Pages } from "./pages.js";
export { type Parameter, parseSwiotlb, readParameter, type Setting } from "./parameter.js";
export { PlainPool } from "./plain_pool.js";
export { Pool } from "./pool.js";
export type { PoolShape } from "./pool_shape.js";
export { before2024, type PoolRules, type Profile, profileOf, profiles, today, withPages } from "./profile.js";
export { mappingBytesMaxFor, Request } from "./request.js";
export { RestrictedPool, restrictedPool } from "./restricted.js";
