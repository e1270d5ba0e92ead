/**
 * Tracepoints by name: what each of them says, whatever generation its name and fields belong to.
 *
 * Source: Linux include/trace/events/dma.h, swiotlb.h, iommu.h. dma_map_page and dma_map_resource became dma_map_phys
 * in 6.18; a kind therefore has several names.
 */
import { EventKind } from "./event.js";

/** "system:name" to kind. A tracepoint not listed is `EventKind.other`. */
export const kindOfTracepoint: ReadonlyMap<string, EventKind> = new Map<string, EventKind>([
  ["swiotlb:swiotlb_bounced", EventKind.bounced],
  ["dma:dma_map_page", EventKind.map],
  ["dma:dma_map_resource", EventKind.map],
  ["dma:dma_map_phys", EventKind.map],
  ["dma:dma_unmap_page", EventKind.unmap],
  ["dma:dma_unmap_resource", EventKind.unmap],
  ["dma:dma_unmap_phys", EventKind.unmap],
  ["dma:dma_map_sg", EventKind.mapList],
  ["dma:dma_map_sg_err", EventKind.mapListError],
  ["dma:dma_unmap_sg", EventKind.unmapList],
  ["dma:dma_alloc", EventKind.alloc],
  ["dma:dma_alloc_pages", EventKind.alloc],
  ["dma:dma_alloc_sgt", EventKind.alloc],
  ["dma:dma_alloc_sgt_err", EventKind.alloc],
  ["dma:dma_free", EventKind.free],
  ["dma:dma_free_pages", EventKind.free],
  ["dma:dma_free_sgt", EventKind.free],
  ["dma:dma_sync_single_for_cpu", EventKind.syncForCpu],
  ["dma:dma_sync_single_for_device", EventKind.syncForDevice],
  ["dma:dma_sync_sg_for_cpu", EventKind.syncListForCpu],
  ["dma:dma_sync_sg_for_device", EventKind.syncListForDevice],
  ["iommu:map", EventKind.iommuMap],
  ["iommu:unmap", EventKind.iommuUnmap],
  ["iommu:attach_device_to_domain", EventKind.iommuDevice],
  ["iommu:detach_device_from_domain", EventKind.iommuDevice],
  ["iommu:add_device_to_group", EventKind.iommuDevice],
  ["iommu:remove_device_from_group", EventKind.iommuDevice],
  ["iommu:io_page_fault", EventKind.iommuFault],
]);
