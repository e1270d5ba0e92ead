/**
 * What the memory of a Xen domain is to its devices: scattered over the machine, as a paravirtualised x86 domain's, or
 * mapped directly, so that every page of its own has the machine's number, as on Arm.
 *
 * A domain that uses swiotlb-xen on Arm is always mapped directly. Source: Linux include/xen/arm/swiotlb-xen.h
 * (xen_swiotlb_detect), arch/arm/xen/p2m.c.
 */
import { FrameKind } from "../../../read/xen/p2m_file.js";
import type { LogFacts } from "../machine/log_facts.js";
import type { FirstLook } from "./first_look.js";
import type { XenFiles } from "./xen_files.js";

export type XenMemory = "paravirtualised" | "direct";

/** The dumps know best, then the probes, the log, and what the addresses show. */
export function memoryOf(files: XenFiles, look: FirstLook, log: LogFacts | null): XenMemory {
  for (const { table } of files.p2m) {
    if (table.isTree) return "direct";
    for (const run of table.mapped()) if (run.kind === FrameKind.local) return "paravirtualised";
  }
  if (look.armShown) return "direct";
  if (isArm(log)) return "direct";
  // A PVH or HVM domain uses no swiotlb-xen: its pages are told as they always were, not as own and foreign ones.
  if (log?.xenMode != null) return "paravirtualised";
  return look.mostlyDirect ? "direct" : "paravirtualised";
}

/** Whether the log is of a kernel under Xen on Arm. */
export function isArm(log: LogFacts | null): boolean {
  return log?.xenMode === "Arm";
}
