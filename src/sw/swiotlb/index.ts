/** The swiotlb bounce pool: slots, searches, growth, copies and the boot parameter. */
export { type Bug, type BugId, bugs } from "./bug.js";
export { Pool, type PoolShape } from "./pool.js";
export { before2024, type Profile, profiles, type SearchRules, today } from "./profile.js";
