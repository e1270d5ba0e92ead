/** The swiotlb bounce pool: slots, searches, growth, copies and the boot parameter. */
export {
  adjustAreas,
  adjustForEncryption,
  allocateEarly,
  allocateLate,
  type Boot,
  bootDefaults,
  limitAreas,
  type Mode,
} from "./boot.js";
export { type Bug, type BugId, bugs } from "./bug.js";
export * as message from "./message.js";
export { type Parameter, parseSwiotlb, readParameter, type Setting } from "./parameter.js";
export { PlainPool } from "./plain_pool.js";
export { Pool, type PoolShape } from "./pool.js";
export { before2024, type Profile, profileOf, profiles, type SearchRules, today } from "./profile.js";
