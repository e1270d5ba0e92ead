/**
 * The buffers of one request of the block layer as one range of addresses, linked one by one.
 *
 * Source: Linux block/blk-mq-dma.c since 6.17 (blk_rq_dma_map_iter_start, blk_rq_dma_map_iova): where no page's rest lies
 * between buffers, and the device has an IOMMU, addresses for all of them are taken first; otherwise each buffer is mapped.
 */
import { frameBytes } from "../../base/frame.js";
import type { Direction } from "../../spec/dma/direction.js";
import type { DmaDevice, Mapped, RangeLinker, Refusal } from "../engine/index.js";
import type { ListEntry, MappedList } from "./list.js";

const pageBytes = frameBytes;

/** Whether each buffer but the first begins a page, and each but the last ends one. */
export function isGapless(entries: readonly ListEntry[]): boolean {
  return entries.every(
    ({ phys, size }, n) =>
      (n === 0 || phys % pageBytes === 0) && (n === entries.length - 1 || (phys + size) % pageBytes === 0),
  );
}

/** @returns the list; why a buffer was refused, after all of it was taken back; null where there is no such range */
export function linkList(
  ranges: RangeLinker,
  device: DmaDevice,
  o: { readonly entries: readonly ListEntry[]; readonly direction: Direction; readonly attributes: number },
): MappedList | Refusal | null {
  const { entries, direction, attributes } = o;
  if (!isGapless(entries)) return null;
  const size = entries.reduce((sum, e) => sum + e.size, 0);
  const range = ranges.tryAlloc(device, entries[0]!.phys, size);
  if (range === null) return null;
  const offsets: number[] = [];
  let linked = 0;
  for (const e of entries) {
    const why = ranges.link(device, range, { ...e, offset: linked, direction, attributes });
    if (why !== null) {
      ranges.destroy(device, range, { linked, direction, attributes });
      return why;
    }
    offsets.push(linked);
    linked += e.size;
  }
  const parts = entries.map((e, entry) => {
    const mapped: Mapped = {
      bus: range.bus + offsets[entry]!,
      bounced: false,
      foreign: false,
      cause: "iommu",
      refused: null,
    };
    return { ...e, entry, mapped };
  });
  const segments = [range];
  return { entries, parts, segments, range, isLinked: true, count: 1, error: 0, refused: null, refusedPart: null };
}
