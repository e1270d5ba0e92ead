/** What every engine has of the kernel that it runs in. */
import type { KernelLog } from "../../../base/kernel_log.js";
import type { GuestKernel } from "../../xen/guest_kernel.js";
import type { BounceTable } from "../pool/bounce_table.js";
import type { CacheOps, GrantRuns } from "../ports.js";
import type { EngineRules } from "../rules.js";

export interface EngineParts {
  readonly guest: GuestKernel;
  readonly table: BounceTable | null;
  readonly force: boolean;
  readonly memoryEnd: number;
  readonly cache: CacheOps | null;
  readonly grants: GrantRuns | null;
  readonly rules: EngineRules;
  readonly log: KernelLog;
}
