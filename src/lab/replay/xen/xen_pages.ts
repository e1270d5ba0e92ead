/**
 * Every mapping of a Xen domain against its page map: which bus address it must have, whose memory it is, whether it
 * lies in one piece on the machine.
 *
 * A local page's address is its frame by the P2M, or its own number where the domain is mapped directly; a foreign page's
 * is the granted frame, which the page map holds while the grant is mapped.
 * Source: Linux drivers/xen/swiotlb-xen.c, xen_swiotlb_map_phys, range_straddles_page_boundary.
 */
import { frameBytes } from "../../../base/frame.js";
import { type EventBatch, EventKind } from "../../../read/event.js";
import { FrameKind } from "../../../read/xen/p2m_file.js";
import { attrMmio } from "../../../spec/dma/direction.js";
import { longestCacheLine, sharesLine } from "../../../spec/linux/kmalloc.js";
import { setSlots, slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { BufferOnBus } from "../contracts/buffer_on_bus.js";
import type { Mappings } from "../contracts/mappings.js";
import { beginOf, Outcome } from "../contracts/operation.js";
import type { PageWatch } from "../contracts/sinks.js";
import type { GrantBook } from "./grants.js";
import type { XenMismatch } from "./outcome.js";
import type { Overlaps } from "./overlaps.js";
import type { Owners } from "./owners.js";
import { type Pages, unknownNames } from "./page_map.js";

const pageBytes = frameBytes;
const mismatchesMax = 50;
/** Bus addresses from here on name no frame: they are grants of virtual devices, or none. */
const busMax = 2 ** 52;
/** A mapping of more pages cannot bounce, and is not looked at page by page beyond. */
const pagesMax = (2 * setSlots * slotBytes) / pageBytes;

export class XenPages implements PageWatch {
  readonly #maps: Mappings;
  readonly #map: Pages;
  readonly #grants: GrantBook;
  readonly #owners: Owners;
  readonly #overlaps: Overlaps;
  readonly #direct: boolean;
  readonly addresses = { compared: 0, equal: 0, unknown: 0 };
  readonly originals = { compared: 0, equal: 0, unknown: 0 };
  readonly mismatches: XenMismatch[] = [];
  readonly #because = new Float64Array(unknownNames.length);
  readonly #domains = new Map<number | null, number>();
  readonly own = { maps: 0, bounced: 0, refused: 0 };
  readonly foreign = { maps: 0, bounced: 0, refused: 0, undecided: 0 };
  readonly regions = { made: 0, failed: 0, ended: 0 };
  readonly searches = { kernel: 0, kernelRefused: 0 };

  constructor(o: {
    readonly maps: Mappings;
    readonly map: Pages;
    readonly grants: GrantBook;
    readonly owners: Owners;
    readonly overlaps: Overlaps;
    /** Whether the domain is mapped directly: changes of its page map are grants, and whose a page is, its frame tells. */
    readonly direct: boolean;
  }) {
    this.#maps = o.maps;
    this.#direct = o.direct;
    this.#map = o.map;
    this.#grants = o.grants;
    this.#owners = o.owners;
    this.#overlaps = o.overlaps;
  }

  see(b: EventBatch, i: number): void {
    switch (b.kind[i]) {
      case EventKind.xenFrame:
        if (this.#direct) this.#grants.see(b, i);
        else this.#map.set(b.phys[i]! / pageBytes, b.attrs[i] as FrameKind, b.dma[i]! / pageBytes);
        break;
      case EventKind.lost:
        this.#map.lose();
        this.#grants.see(b, i);
        break;
      case EventKind.xenRegionMade:
        this.regions[b.size[i] === 0 ? "made" : "failed"]++;
        break;
      case EventKind.xenRegionEnd:
        this.regions.ended++;
        break;
      case EventKind.xenSearched:
        this.searches.kernel++;
        if (b.dma[i] === -1) this.searches.kernelRefused++;
        break;
      default:
        this.#grants.see(b, i);
    }
  }

  locate(m: number, original: number): BufferOnBus {
    const { orig, address, bounced, attrs, size, direction } = this.#maps;
    const phys = orig[m]!;
    const seen = bounced[m] === 1 ? original : address[m]! >= 0 ? address[m]! : Number.NaN;
    if ((attrs[m]! & attrMmio) !== 0) return this.#device(m, seen);
    const pfn = Math.floor(phys / pageBytes);
    const shown = seen < busMax ? Math.floor(seen / pageBytes) : Number.NaN;
    const mfn = this.#map.look(pfn, shown);
    const { kind, why } = this.#map;
    const predicted = mfn * pageBytes + (phys % pageBytes);
    this.#compare(m, predicted, seen, why);
    const foreign = this.#foreign(kind, shown);
    this.#tell(m, pfn, foreign, seen, predicted);
    const small = this.#direct && sharesLine(size[m]!, direction[m]!, longestCacheLine);
    return { predicted, seen, straddles: this.#straddles(phys, size[m]!, shown), foreign, small };
  }

  /** Device memory is mapped where it is. */
  #device(m: number, seen: number): BufferOnBus {
    const predicted = this.#maps.orig[m]!;
    this.#compare(m, predicted, seen, 0);
    return { predicted, seen, straddles: false, foreign: false, small: false };
  }

  #compare(m: number, predicted: number, seen: number, why: number): void {
    if (Number.isNaN(seen)) return;
    const { bounced, device, orig, size, hi } = this.#maps;
    const into = bounced[m] === 1 ? this.originals : this.addresses;
    if (Number.isNaN(predicted)) {
      into.unknown++;
      if (bounced[m] === 0) this.#because[why]!++;
      return;
    }
    into.compared++;
    if (predicted === seen) into.equal++;
    else if (this.mismatches.length < mismatchesMax) {
      const what = { time: hi[beginOf(m)]!, device: device[m]!, phys: orig[m]!, size: size[m]! };
      this.mismatches.push({ ...what, kernel: seen, predicted });
    }
  }

  #foreign(kind: FrameKind, shown: number): boolean | null {
    if (kind === FrameKind.foreign) return true;
    if (kind === FrameKind.local || kind === FrameKind.identity) return false;
    return Number.isNaN(shown) || this.#direct ? null : this.#owners.isForeign(shown);
  }

  #tell(m: number, pfn: number, foreign: boolean | null, seen: number, predicted: number): void {
    const { address, bounced, outcome } = this.#maps;
    if (foreign === null) {
      if (address[m]! >= 0 || bounced[m] === 1) this.foreign.undecided++;
      return;
    }
    const how = outcome[m] === Outcome.refused ? "refused" : bounced[m] === 1 ? "bounced" : "maps";
    this[foreign ? "foreign" : "own"][how]++;
    if (!foreign || how === "refused") return;
    const mfn = Math.floor((Number.isNaN(seen) ? predicted : seen) / pageBytes);
    const domain = this.#grants.domainOf(pfn) ?? this.#owners.domainOf(mfn);
    this.#domains.set(domain, (this.#domains.get(domain) ?? 0) + 1);
    if (bounced[m] === 0) this.#overlaps.look(m, pfn, mfn);
  }

  #straddles(phys: number, size: number, shown: number): boolean | null {
    const first = Math.floor(phys / pageBytes);
    const last = Math.min(Math.floor((phys + size - 1) / pageBytes), first + pagesMax);
    if (last <= first) return false;
    let known = true;
    let previous = this.#map.look(first, shown);
    for (let pfn = first + 1; pfn <= last; pfn++) {
      const mfn = this.#map.look(pfn, shown + pfn - first);
      if (Number.isNaN(mfn) || Number.isNaN(previous)) known = false;
      else if (mfn !== previous + 1) return true;
      previous = mfn;
    }
    return known ? false : null;
  }

  /** The machine frames behind a buffer, as they are now. */
  framesOf(phys: number, size: number): { readonly pfn: number; readonly mfn: number }[] {
    const first = Math.floor(phys / pageBytes);
    const last = Math.min(Math.floor((phys + size - 1) / pageBytes), first + pagesMax);
    return Array.from({ length: Math.max(0, last - first) + 1 }, (_, k) => {
      return { pfn: first + k, mfn: this.#map.look(first + k) };
    });
  }

  unknownBecause(): Record<string, number> {
    const found: Record<string, number> = {};
    unknownNames.forEach((name, why) => {
      if (this.#because[why]! > 0) found[name] = this.#because[why]!;
    });
    return found;
  }

  domains(): { domain: number | null; maps: number }[] {
    return [...this.#domains].map(([domain, maps]) => ({ domain, maps })).sort((a, b) => b.maps - a.maps);
  }
}
