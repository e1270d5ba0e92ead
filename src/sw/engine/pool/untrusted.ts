/**
 * Devices that are not trusted: an IOMMU maps whole granules, so what a buffer shares its granules with must not be
 * seen. Parts that do not fill a granule bounce, and the rest of their slots is zeroed.
 *
 * These are the pieces that an engine in front of an IOMMU is built from; mapping them there is that engine's.
 * Source: Linux drivers/iommu/dma-iommu.c, iommu_dma_map_swiotlb, iova_link_swiotlb (dma_iova_link); commit
 * 2650073f1b58 and CVE-2026-53164 for what went wrong.
 */
import type { ByteMemory } from "../../../mem/byte_memory.js";
import type { DmaDevice } from "../engine.js";
import type { EngineRules } from "../rules.js";
import type { BounceTable, MapCall } from "./bounce_table.js";

/** A part of a buffer, as it is linked into a range of bus addresses. */
export interface LinkPart {
  readonly phys: number;
  readonly size: number;
  /** Through slots, because it shares its granule with what is not the buffer's. */
  readonly bounces: boolean;
}

/**
 * A buffer as bounced head, whole granules, bounced tail.
 * @param granule bytes that the IOMMU maps at least, a power of two
 */
export function linkParts(rules: EngineRules, o: { phys: number; size: number }, granule: number): LinkPart[] {
  const end = o.phys + o.size;
  const from = Math.ceil(o.phys / granule) * granule;
  const to = Math.floor(end / granule) * granule;
  // Inside one granule there is neither head nor tail: all of it bounces.
  if (from > to) return [{ phys: o.phys, size: o.size, bounces: true }];
  const parts: LinkPart[] = [
    { phys: o.phys, size: from - o.phys, bounces: true },
    { phys: from, size: to - from, bounces: false },
    { phys: to, size: end - to, bounces: true },
  ];
  // The kernel never made empty heads and tails; the empty middle is the bug of 2026.
  return parts.filter((p) => p.size > 0 || (!p.bounces && !rules.linkSkipsEmpty));
}

/**
 * Bounce a buffer that shares granules: slots aligned to the granule, the low bits kept that the device wants, zeros around.
 * @returns the physical address in the slots, or -1.
 */
export function bounceUntrusted(
  parts: { readonly memory: ByteMemory; readonly table: BounceTable; readonly rules: EngineRules },
  device: DmaDevice,
  call: MapCall,
  granule: number,
): number {
  const slot = parts.table.map(device, { ...call, allocAlignMask: granule - 1 });
  if (slot < 0) return -1;
  const first = slot - (slot % granule);
  const end = Math.ceil((slot + call.size) / granule) * granule;
  if (parts.rules.paddingZeroed === "around") zero(parts.memory, first, slot);
  zero(parts.memory, slot + call.size, end);
  return slot;
}

function zero(memory: ByteMemory, from: number, to: number): void {
  if (to > from) memory.write(from, new Uint8Array(to - from));
}
