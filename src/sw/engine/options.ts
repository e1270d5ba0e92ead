/** What an engine is asked to be built of. */
import type { KernelLog } from "../../base/kernel_log.js";
import type { AllocatorShape } from "../swiotlb/allocator.js";
import type { BugId } from "../swiotlb/bugs.js";
import type { Profile } from "../swiotlb/profile.js";
import type { GuestKernel } from "../xen/guest_kernel.js";
import type { EngineBugId } from "./bugs.js";
import type { CacheOps, DomainOf, GrantRuns } from "./ports.js";
import type { EngineProfile } from "./rules.js";

export interface EngineOptions {
  readonly guest: GuestKernel;
  /** The pool: `start` is a guest physical address. null: none. */
  readonly pool?: { readonly start: number; readonly slots: number; readonly areas: number } | null;
  /** Every streaming mapping bounces (swiotlb=force, encrypted guests). */
  readonly force?: boolean;
  /** A kernel that adds pools while it runs. */
  readonly growth?: AllocatorShape["growth"];
  /** One more than the guest's highest physical byte address; decides whether a device is limited at all. */
  readonly memoryEnd?: number;
  /** The CPU's cache in front of memory, for devices that do not see it. */
  readonly cache?: CacheOps | null;
  /** Grants of this domain, for the engine whose bus addresses are grants. */
  readonly grants?: GrantRuns | null;
  /** Domains of a unit, for the engine whose addresses they translate. */
  readonly domainOf?: DomainOf;
  readonly profile?: EngineProfile;
  readonly bugs?: readonly EngineBugId[];
  /** Rules and bugs of the slot table. */
  readonly poolProfile?: Profile;
  readonly poolBugs?: readonly BugId[];
  /** Told what the kernel prints of mappings. */
  readonly log?: KernelLog;
}
