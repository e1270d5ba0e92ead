/** What an engine is built from, and what each has of the kernel it runs in. */
import type { AllocatorShape } from "../swiotlb/allocator.js";
import type { BugId } from "../swiotlb/bug.js";
import type { Profile } from "../swiotlb/profile.js";
import type { GuestKernel } from "../xen/guest_kernel.js";
import type { BounceTable } from "./bounce_table.js";
import type { EngineBugId } from "./bugs.js";
import type { CacheOps, GrantTable } from "./ports.js";
import type { EngineProfile, EngineRules } from "./rules.js";

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
  readonly grants?: GrantTable | null;
  readonly profile?: EngineProfile;
  readonly bugs?: readonly EngineBugId[];
  /** Rules and bugs of the slot table. */
  readonly poolProfile?: Profile;
  readonly poolBugs?: readonly BugId[];
}

export interface EngineParts {
  readonly guest: GuestKernel;
  readonly table: BounceTable | null;
  readonly force: boolean;
  readonly memoryEnd: number;
  readonly cache: CacheOps | null;
  readonly grants: GrantTable | null;
  readonly rules: EngineRules;
  readonly log: KernelLog;
}

const logLinesMax = 1000;

/** Lines that an engine logs; the first thousand are kept, so that a device that fails for ever does not fill memory. */
export class KernelLog {
  readonly lines: string[] = [];

  say(line: string): void {
    if (this.lines.length < logLinesMax) this.lines.push(line);
  }

  once(line: string): void {
    if (!this.lines.includes(line)) this.say(line);
  }
}
