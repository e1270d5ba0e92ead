/**
 * Why a machine has no pool: which of the causes, where the log tells.
 *
 * Source: Linux arch/x86/kernel/pci-dma.c (pci_swiotlb_detect: none with iommu=off, and none where no memory can lie above
 * 4 GiB), kernel/dma/swiotlb.c (swiotlb_init_remap), drivers/iommu/amd/init.c before 6.0.
 */
import type { MachineContext } from "../context.js";
import { belowFour } from "./larger_pool.js";

export interface Absence {
  /** Sentences that follow "There is no pool." */
  readonly cause: string;
  /** What the log says of it; "" when it says nothing. */
  readonly evidence: string;
  readonly do: string;
}

export function absence(machine: MachineContext): Absence {
  if (machine.poolGivenBack) {
    return {
      cause:
        "The IOMMU's driver gave it back at boot, as no device seemed to need it; then one did: an untrusted one (an external " +
        "port), whose small buffers are bounced to whole pages.",
      evidence: 'the boot log says "tearing down default memory pool"',
      do: "Use a newer kernel, which keeps the pool while untrusted devices may come. A larger swiotlb= changes nothing.",
    };
  }
  return {
    cause:
      "It was switched off (swiotlb=noforce; on x86 also iommu=off), or the kernel saw no need for one at boot (x86 makes " +
      "none where no memory can lie above 4 GiB), or found no memory for it, or the IOMMU's driver gave it back at boot " +
      '("tearing down default memory pool") and an untrusted device (an external port) needed it later, as with older AMD drivers.',
    evidence: "",
    do:
      'Look for "software IO TLB" in the boot log: a pool that was switched off or not needed says nothing, one that could ' +
      "not be allocated or was torn down does. Take swiotlb=noforce and iommu=off away (iommu=soft on x86 " +
      `makes one in any case), ask for a smaller pool (it needs one contiguous piece${belowFour(machine)}), or use a newer ` +
      "kernel if it was torn down.",
  };
}
