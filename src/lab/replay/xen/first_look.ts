/**
 * What the first reading of a Xen recording keeps: where each page was first seen, which pages change, and which
 * machine frames the pool's pages turned out to have. Dumps are chosen, and their gaps filled, with it.
 */
import { frameBytes } from "../../../base/frame.js";
import { type EventBatch, EventKind } from "../../../read/event.js";

const pageBytes = frameBytes;
/** Fewer pages at one distance may be so by chance. */
const shiftedMin = 8;
/** Pages kept; enough to tell dumps apart, and for every page that a domain changes. */
const pagesMax = 1 << 18;
const changingMax = 4_000_000;
/** Frames that one change is followed for: a grant is one. */
const framesMax = 65536;

export class FirstLook {
  /** Machine frame of each page as its first mapping shows it, for pages that no probe had changed until then. */
  readonly first = new Map<number, number>();
  readonly changing = new Set<number>();
  /** Machine frame that each page was first set to. */
  readonly setTo = new Map<number, number>();
  /** Machine frame of each page of the pool that a search answered with and a mapping then used. */
  readonly poolPages = new Map<number, number>();
  /** Pages whose first change took away what stood behind them: it was there before the recording. */
  readonly endedFirst = new Set<number>();
  framesShown = false;
  /** Probes that only an Arm kernel has. */
  armShown = false;
  grantsShown = false;
  /** Whether grants come with the domain's own addresses at which they are mapped. */
  placesShown = false;
  /** The same of grants that are unmapped. */
  endsShown = false;
  searchesShown = false;
  /** The buffer that was last asked a bounce for, its machine address and size, by CPU and context. */
  /** Events were lost: what is seen from then on says nothing of the beginning. */
  #lost = false;
  #iommu = false;
  readonly #asked = new Map<number, { readonly address: number; readonly size: number; readonly task: number }>();
  /** Last answer of a search, by CPU and context. */
  readonly #searched = new Map<number, number>();

  /** Whether most pages have the machine's number: a paravirtualised domain has hardly one of those. */
  get mostlyDirect(): boolean {
    let same = 0;
    let others = 0;
    for (const pages of [this.first, this.poolPages]) {
      for (const [pfn, mfn] of pages) if (pfn === mfn) same++;
      others += pages.size;
    }
    return same * 2 > others;
  }

  /**
   * Whether another bus address than a page's own may be no foreign frame's: an IOMMU is at work, or all addresses of all
   * pages lie at one distance, as where a bridge shifts them (`dma-ranges`).
   */
  get shifted(): boolean {
    if (this.#iommu) return true;
    const distances = new Set<number>();
    for (const [pfn, mfn] of this.first) if (distances.add(mfn - pfn).size > 1) return false;
    return this.first.size >= shiftedMin && !distances.has(0);
  }

  feed(b: EventBatch): void {
    for (let i = 0; i < b.count; i++) this.#see(b, i);
  }

  #see(b: EventBatch, i: number): void {
    switch (b.kind[i]) {
      case EventKind.lost:
        this.#lost = true;
        break;
      case EventKind.iommuMap:
        this.#iommu = true;
        break;
      case EventKind.bounced:
        this.#asked.set(b.cpu[i]! * 256 + b.context[i]!, {
          ...{ address: b.dma[i]!, size: b.size[i]!, task: b.task[i]! },
        });
        break;
      case EventKind.map:
        this.#page(b.phys[i]!, this.#asksFor(b, i) ?? b.dma[i]!);
        break;
      case EventKind.xenMap:
        this.#asked.delete(b.cpu[i]! * 256 + b.context[i]!);
        break;
      case EventKind.mapList:
        this.#asked.delete(b.cpu[i]! * 256 + b.context[i]!);
        if (b.dmaCount[i] !== b.physCount[i]) break;
        for (let k = 0; k < b.dmaCount[i]!; k++) {
          this.#page(b.listPhys[b.physFirst[i]! + k]!, b.listDma[b.dmaFirst[i]! + k]!);
        }
        break;
      case EventKind.xenFrame:
        this.framesShown = true;
        if (b.size[i]! > 0) this.armShown = true;
        for (let k = 0; k < framesOf(b, i); k++) {
          const pfn = b.phys[i]! / pageBytes + k;
          if (b.dma[i] === -1) this.#ended(pfn);
          this.#setTo(pfn, b.dma[i]! / pageBytes + k);
          this.#change(pfn * pageBytes);
        }
        break;
      case EventKind.xenGrants:
        this.#grantsAt(b, i);
        break;
      case EventKind.xenUngrants:
        this.endsShown = true;
        this.#changeList(b, i, true);
        break;
      case EventKind.xenNeed:
      case EventKind.cacheForDevice:
      case EventKind.cacheForCpu:
      case EventKind.xenCacheForDevice:
      case EventKind.xenCacheForCpu:
      case EventKind.xenFlush:
        this.armShown = true;
        break;
      case EventKind.xenGrantPages:
        this.grantsShown = true;
        this.#changeList(b, i, false);
        break;
      case EventKind.xenUngrantPages:
        this.#changeList(b, i, true);
        break;
      case EventKind.xenSearched:
        this.searchesShown = true;
        this.#searched.set(b.cpu[i]! * 256 + b.context[i]!, b.dma[i]!);
        break;
      case EventKind.xenMapped:
        this.#mapped(b.cpu[i]! * 256 + b.context[i]!, b.dma[i]!);
        break;
      default:
    }
  }

  /** The machine address of the buffer of a mapping that bounced, as its event printed it; null for others. */
  #asksFor(b: EventBatch, i: number): number | null {
    const place = b.cpu[i]! * 256 + b.context[i]!;
    const asked = this.#asked.get(place);
    // What does not belong to this mapping was of a list, or of one that was refused.
    this.#asked.delete(place);
    if (asked === undefined || asked.size !== b.size[i]! || b.dma[i] === b.phys[i]) return null;
    return asked.task === b.task[i] && asked.address % pageBytes === b.phys[i]! % pageBytes ? asked.address : null;
  }

  #page(phys: number, dma: number): void {
    if (this.#lost || !(dma >= 0) || !(phys >= 0)) return;
    const pfn = Math.floor(phys / pageBytes);
    if (this.first.size < pagesMax && !this.first.has(pfn) && !this.changing.has(pfn)) {
      this.first.set(pfn, Math.floor(dma / pageBytes));
    }
  }

  #change(phys: number): void {
    if (phys >= 0 && this.changing.size < changingMax) this.changing.add(phys / pageBytes);
  }

  #ended(pfn: number): void {
    if (!this.#lost && pfn >= 0 && !this.changing.has(pfn)) this.endedFirst.add(pfn);
  }

  #setTo(pfn: number, mfn: number): void {
    if (!this.#lost && mfn >= 0 && this.setTo.size < pagesMax && !this.setTo.has(pfn)) this.setTo.set(pfn, mfn);
  }

  #changeList(b: EventBatch, i: number, ended: boolean): void {
    for (let k = 0; k < b.physCount[i]!; k++) {
      const phys = b.listPhys[b.physFirst[i]! + k]!;
      if (ended) this.#ended(phys / pageBytes);
      this.#change(phys);
    }
  }

  /** Grants of which the recording shows where in the domain they were mapped. */
  #grantsAt(b: EventBatch, i: number): void {
    const count = b.dmaCount[i]!;
    for (let k = 0; k < b.physCount[i]! - count; k++) {
      const phys = b.listPhys[b.physFirst[i]! + count + k]!;
      if (!(phys >= 0)) continue;
      this.grantsShown = this.placesShown = true;
      if (b.listSize[b.dmaFirst[i]! + k] !== 0) continue;
      this.#setTo(phys / pageBytes, Math.floor(b.listDma[b.dmaFirst[i]! + k]! / pageBytes));
      this.#change(phys);
    }
  }

  #mapped(place: number, dma: number): void {
    const searched = this.#searched.get(place);
    if (searched === undefined) return;
    this.#searched.delete(place);
    if (!(searched >= 0) || !(dma >= 0) || searched % pageBytes !== dma % pageBytes) return;
    if (this.poolPages.size < pagesMax)
      this.poolPages.set(Math.floor(searched / pageBytes), Math.floor(dma / pageBytes));
  }
}

/** How many frames a change of the page map is about. */
export function framesOf(b: EventBatch, i: number): number {
  return b.size[i]! > pageBytes ? Math.min(framesMax, Math.floor(b.size[i]! / pageBytes)) : 1;
}
