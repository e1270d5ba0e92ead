/** Ways to make a buffer reachable for a device, and which of them a kernel takes. */
export type { Contiguous, GuestKernel, MemoryModel } from "../xen/guest_kernel.js";
export { BounceTable, type MapCall as BounceCall } from "./bounce_table.js";
export { type EngineBug, type EngineBugId, engineBugs, engineRulesWith } from "./bugs.js";
export { CachedGuest } from "./cached_guest.js";
export { consecutiveGrants, type SingleGrants } from "./consecutive_grants.js";
export { CpuCache } from "./cpu_cache.js";
export { allAddresses, highestAddress, plainDevice, reaches } from "./device.js";
export type { Coherent, DmaDevice, Engine, EnginePool, ListPolicy, MappedRange } from "./engine.js";
export { type EngineName, type EngineRow, engines } from "./engines.js";
export { grantAddress, grantOf, grantText } from "./grant_address.js";
export { type Cause, type Mapped, refused } from "./mapped.js";
export { NativeGuest } from "./native_guest.js";
export type { EngineOptions } from "./parts.js";
export type { CacheOps, GrantTable } from "./ports.js";
export { emptyList, noMask, notCoherent, type Refusal, type RefusalReason } from "./refusal.js";
export { type EngineProfile, type EngineRules, engineProfileOf, engineProfiles, todaysEngines } from "./rules.js";
export { type Platform, type Selected, selectEngine } from "./select.js";
export { bounceUntrusted, type LinkPart, linkParts } from "./untrusted.js";
