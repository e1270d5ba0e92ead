/** Ways to make a buffer reachable for a device, and which of them a kernel takes. */

export type { Contiguous, GuestKernel, MemoryModel } from "../xen/guest_kernel.js";
export { type EngineBug, type EngineBugId, engineBugs, engineRulesWith } from "./bugs.js";
export { causeWords } from "./cause_words.js";
export { type EngineName, type EngineRow, engines } from "./choice/engines.js";
export { type Platform, type Selected, selectEngine } from "./choice/select.js";
export { allAddresses, highestAddress, plainDevice, reaches } from "./device.js";
export type {
  Coherent,
  DmaDevice,
  Engine,
  EnginePool,
  IovaRange,
  JoinedList,
  ListJoiner,
  ListPolicy,
  MappedRange,
  RangeLinker,
} from "./engine.js";
export { consecutiveGrants, type SingleGrants } from "./grant/consecutive_grants.js";
export { grantAddress, grantOf, grantText } from "./grant/grant_address.js";
export { CachedGuest } from "./kernel/cached_guest.js";
export { CpuCache } from "./kernel/cpu_cache.js";
export { NativeGuest } from "./kernel/native_guest.js";
export { type Cause, type Mapped, refused } from "./mapped.js";
export type { EngineOptions } from "./options.js";
export { BounceTable, type MapCall as BounceCall } from "./pool/bounce_table.js";
export { bounceUntrusted, type LinkPart, linkParts } from "./pool/untrusted.js";
export type { CacheOps, DomainOf, EngineDomain, GrantRuns } from "./ports.js";
export { emptyList, noMask, notCoherent, type Refusal, type RefusalReason } from "./refusal.js";
export { type EngineProfile, type EngineRules, engineProfileOf, engineProfiles, todaysEngines } from "./rules.js";
