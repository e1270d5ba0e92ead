/**
 * Fault reasons of a virtio-iommu, by the words that Linux prints for them.
 *
 * Source: virtio 1.2, section 5.13.6.9 (fault reporting); Linux drivers/iommu/virtio-iommu.c (viommu_fault_handler). The
 * reason for a mapping covers both a missing one and one that does not allow the access. QEMU gives no access flag where
 * nothing is mapped (hw/virtio/virtio-iommu.c, virtio_iommu_translate).
 */
import type { FaultKind } from "../dma/fault_kind.js";

export const faultWords: Readonly<Record<string, { readonly kind: FaultKind; readonly words: string }>> = {
  domain: { kind: "no-entry", words: "the endpoint is attached to no domain" },
  page: {
    kind: "unmapped-or-permission",
    words: "the address is not mapped in the endpoint's domain, or not for this access",
  },
};
