/** Domains, their memory, grants, balloon and exchange, and the books that check every access. */

export { type XenBug, type XenBugId, type XenFlags, xenBugs, xenFlags } from "./bugs.js";
export { type CopyEnd, type CopyRequest, copyGrant, copyGrantSteps } from "./grant/copy.js";
export { type MapRequest, type MapResult, mapGrant, mapGrantSteps } from "./grant/map.js";
export { type TransferRequest, transferGrant, transferGrantSteps } from "./grant/transfer.js";
export { type UnmapRequest, unmapAndReplace, unmapGrantSteps, unmapGrants } from "./grant/unmap.js";
export {
  addStatusToPhysmap,
  addStatusToPhysmapSteps,
  getStatusFrames,
  removeStatusFromPhysmap,
  setupTable,
  setVersion,
  setVersionSteps,
  swapGrants,
} from "./grant/version.js";
export { ArmTree } from "./guest/arm_tree.js";
export { Balloon } from "./guest/balloon.js";
export { type Era, type EraId, eraOf, eras } from "./guest/eras.js";
export { type ForeignOptions, ForeignPages, type ForeignRequest } from "./guest/foreign.js";
export type { ForeignPage } from "./guest/foreign_page.js";
export { Grants } from "./guest/grants.js";
export { Guest, type GuestOptions } from "./guest/guest.js";
export { P2m } from "./guest/p2m.js";
export { PageCache, type PageSource } from "./guest/page_cache.js";
export { fixPool, makePool, type XenPool } from "./guest/pool_fixup.js";
export { Unpopulated } from "./guest/unpopulated.js";
export type { Contiguous, GuestKernel, MemoryModel, PageHole } from "./guest_kernel.js";
export { cacheFlush } from "./hypervisor/cache_flush.js";
export { CallCounts } from "./hypervisor/call_counts.js";
export { Reach } from "./hypervisor/cpu_map.js";
export { DeviceMap } from "./hypervisor/device_map.js";
export { Domain, type DomainOptions } from "./hypervisor/domain.js";
export { type Exchange, type Exchanged, exchange } from "./hypervisor/exchange.js";
export { fingerprint } from "./hypervisor/fingerprint.js";
export { FrameTable, FrameType } from "./hypervisor/frame_table.js";
export { type FrameWatch, unwatched } from "./hypervisor/frame_watch.js";
export { AccessGate, type AccessViolation, violationText } from "./hypervisor/gate.js";
export { Hypervisor, type HypervisorOptions } from "./hypervisor/hypervisor.js";
export { type IommuMap, iommuMap, iommuUnmap } from "./hypervisor/iommu_map.js";
export { type Leftover, leftovers } from "./hypervisor/leftovers.js";
export { MachineBus } from "./hypervisor/machine_bus.js";
export { decrease, givable, populate, unlink } from "./hypervisor/populate.js";
export { type ModelRules, models, type XenModel } from "./models.js";
export { finish, type Steps } from "./steps.js";
