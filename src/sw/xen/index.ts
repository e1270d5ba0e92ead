/** Domains, their memory, grants, balloon and exchange, and the books that check every access. */
export { ArmTree } from "./arm_tree.js";
export { Balloon } from "./balloon.js";
export { type XenBug, type XenBugId, type XenFlags, xenBugs, xenFlags } from "./bugs.js";
export { cacheFlush } from "./cache_flush.js";
export { Domain, type DomainOptions } from "./domain.js";
export { type Era, type EraId, eraOf, eras } from "./eras.js";
export { type Exchange, type Exchanged, exchange } from "./exchange.js";
export { fingerprint } from "./fingerprint.js";
export { type ForeignOptions, type ForeignPage, ForeignPages, type ForeignRequest } from "./foreign.js";
export { FrameTable, FrameType } from "./frame_table.js";
export { AccessGate, type Violation, violationText } from "./gate.js";
export { type CopyEnd, type CopyRequest, copyGrant, copyGrantSteps } from "./grant_copy.js";
export { type MapRequest, type MapResult, mapGrant, mapGrantSteps } from "./grant_map.js";
export { type TransferRequest, transferGrant, transferGrantSteps } from "./grant_transfer.js";
export { type UnmapRequest, unmapAndReplace, unmapGrantSteps, unmapGrants } from "./grant_unmap.js";
export {
  addStatusToPhysmap,
  addStatusToPhysmapSteps,
  getStatusFrames,
  removeStatusFromPhysmap,
  setupTable,
  setVersion,
  setVersionSteps,
  swapGrants,
} from "./grant_version.js";
export { Grants } from "./grants.js";
export { Guest, type GuestOptions } from "./guest.js";
export type { Contiguous, GuestKernel, MemoryModel } from "./guest_kernel.js";
export { Hypervisor, type HypervisorOptions } from "./hypervisor.js";
export { DeviceMap, type IommuMap, iommuMap, iommuUnmap } from "./iommu_map.js";
export { type Leftover, leftovers } from "./leftovers.js";
export { MachineBus } from "./machine_bus.js";
export { type ModelRules, models, type XenModel } from "./models.js";
export { P2m } from "./p2m.js";
export { PageCache, type PageSource } from "./page_cache.js";
export { fixPool, makePool, type XenPool } from "./pool_fixup.js";
export { decrease, populate } from "./populate.js";
export { finish, type Steps } from "./steps.js";
export { Unpopulated } from "./unpopulated.js";
