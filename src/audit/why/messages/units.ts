/**
 * Messages of IOMMUs that are no faults of a device: what a unit, or the use of one, lacks.
 *
 * Source: Linux drivers/vfio/vfio_iommu_type1.c, drivers/iommu/iommu.c (require_direct), arch/powerpc/kernel/iommu.c,
 * drivers/iommu/intel/irq_remapping.c, drivers/iommu/mtk_iommu.c; Xen xen/drivers/passthrough.
 */
import type { Diagnosis } from "../finding.js";

interface Rule {
  readonly pattern: RegExp;
  readonly explain: (m: RegExpExecArray) => Diagnosis;
}

const ownRange =
  "The device was not given away: firmware demands that it keeps reaching a range of its own (RMRR, IVMD), which a guest's " +
  "tables would take from it.";
const ownRangeDo =
  "Switch off in the firmware's setup what uses the device before the system does (legacy USB, pre-boot DMA protection, the " +
  "board's management), update the firmware, or give away another device.";

const rules: readonly Rule[] = [
  {
    pattern: /No interrupt remapping support\. +Use the module param "allow_unsafe_interrupts"/,
    explain: () => ({
      kind: "iommu-intremap-off",
      cause:
        "A device was not given away, because interrupts are not remapped on this machine: a guest could raise any interrupt " +
        "of the host through it.",
      evidence: "VFIO refuses the group for that alone",
      do:
        "Look why remapping is off (lines with DMAR-IR or AMD-Vi at boot, intremap=off, x2apic in the firmware's setup) and " +
        "update the firmware. allow_unsafe_interrupts=1 of vfio_iommu_type1 takes the check away, for guests that are trusted.",
    }),
  },
  {
    pattern: /Firmware has requested this device have a 1:1 IOMMU mapping/,
    explain: () => ({
      kind: "iommu-own-range",
      cause: ownRange,
      evidence: "the kernel refuses every domain without that mapping",
      do: ownRangeDo,
    }),
  },
  {
    pattern:
      /It's disallowed to assign ([0-9a-f:]{7,12}\.[0-7]) with shared RMRR at ([0-9a-f]{1,16}) for (?:Dom|d)(\w{1,6})/,
    explain: (m) => ({
      kind: "iommu-own-range",
      cause: `${ownRange} The range is shared with other devices, and Xen gives none of them away.`,
      evidence: `RMRR at 0x${m[2]}, domain ${m[3]}`,
      do: ownRangeDo,
      device: m[1]!,
    }),
  },
  {
    pattern: /RMRR address range not in reserved memory base = ([0-9a-f]{1,16}) end = ([0-9a-f]{1,16})/,
    explain: (m) => ({
      kind: "dmar-rmrr",
      cause:
        "Firmware's DMAR table demands that devices keep reaching a range (RMRR) which its own memory map does not reserve: the " +
        "table and the map disagree. Xen says so and goes on.",
      evidence: `RMRR 0x${m[1]} to 0x${m[2]}`,
      do: "Update the firmware. Nothing has failed by this line alone; if faults in that range follow, dom0-iommu=map-inclusive maps it.",
      notice: true,
    }),
  },
  {
    pattern: /IVHD Error: no information for IO-APIC (?:0x)?([0-9a-f]{1,2})|AMD-Vi: Error initialization/,
    explain: (m) => ({
      kind: "amdvi-off",
      cause:
        "Xen leaves the IOMMU off, because it cannot use firmware's IVRS table: no device can be given to a guest, and devices " +
        "reach all memory.",
      evidence: m[1] === undefined ? "the units were not set up" : `the table names no unit for I/O APIC 0x${m[1]}`,
      do: "Update the firmware. Until then ivrs_ioapic[ID]=BUS:DEVICE.FUNCTION on Xen's command line names a missing I/O APIC.",
      ...(m[1] === undefined ? { echo: "The next line says that the units were not set up" } : {}),
    }),
  },
  {
    pattern: /iommu_alloc(?:_sg)? failed, tbl .{1,60}npages (?:0x)?([0-9a-f]{1,8})/,
    explain: (m) => ({
      kind: "iommu-window-full",
      cause:
        "The device's window of bus addresses (TCE table of a POWER machine) has no free run of pages: it is too small for this " +
        "load, or mappings leak. Drivers mostly try again.",
      evidence: `npages ${m[1]} as the line has it (hexadecimal in old kernels)`,
      do:
        "Lower the queue depths of the device, or let it have the large window (a 64-bit DMA mask; do not boot with " +
        "disable_ddw). If it never ends, record with trace_event=dma and look at what stays mapped.",
    }),
  },
  {
    pattern: /Failed to copy IR table for (\w{1,12}) from previous kernel/,
    explain: (m) => ({
      kind: "dmar-handover",
      cause:
        "A kernel that runs after another (kdump, kexec) could not take over its interrupt remapping table: interrupts of devices " +
        "that still run are lost until their drivers start.",
      evidence: `unit ${m[1]}`,
      do: "If the dump kernel works, nothing. Else give it more memory (crashkernel=), or boot it with intremap=off for a test.",
    }),
  },
  {
    pattern: /Partial TLB flush timed out, falling back to full flush/,
    explain: () => ({
      kind: "iommu-flush",
      cause:
        "The unit did not finish a flush of a range in time, and the kernel flushed everything instead: the unit was powered or " +
        "clocked off, or a transfer hung in it.",
      evidence: "the full flush that follows does the same work",
      do: "Single lines cost time only. If they do not end, look at power domains and clocks of the unit, and at the device last started or stopped.",
    }),
  },
];

const worth = /remapping support|IOMMU mapping|RMRR|IVHD|AMD-Vi|iommu_alloc|IR table|TLB flush/;

/** @returns null for a line that is of something else. */
export function explainUnit(text: string): Diagnosis | null {
  if (!worth.test(text)) return null;
  for (const { pattern, explain } of rules) {
    const m = pattern.exec(text);
    if (m !== null) return explain(m);
  }
  return null;
}
