/**
 * The values of one probe's event, gathered argument by argument and then written into the columns of a batch.
 *
 * Values have 64 bits and come as two halves. Source of the layout: Linux arch/x86/include/asm/xen/page.h (flag bits of a
 * P2M entry).
 */

import { frameBytes } from "../../base/frame.js";
import { u64 } from "../../base/u64.js";
import { type EventBatch, unknownDirection } from "../event.js";
import { FrameKind } from "../xen/p2m_file.js";
import { PageArray } from "./page_array.js";
import { entriesMax, type Probe, ProbeRole } from "./probes.js";

const pageBytes = frameBytes;
const rolesCount = Object.keys(ProbeRole).length;
/** A domain's own addresses have fewer bits; above are the kernel's page table and garbage. */
const ownBits = 52;
const foreignBit = 0x8000_0000;
const identityBit = 0x4000_0000;

export class ProbeValues {
  readonly #high = new Float64Array(rolesCount);
  readonly #low = new Float64Array(rolesCount);
  readonly #entryHigh = new Float64Array(rolesCount * entriesMax);
  readonly #entryLow = new Float64Array(rolesCount * entriesMax);
  readonly #entries = new Int32Array(rolesCount);
  readonly #pageArray = new PageArray();
  #seen = 0;

  clear(): void {
    this.#seen = 0;
    this.#entries.fill(0);
  }

  put(role: ProbeRole, high: number, low: number): void {
    this.#high[role] = high;
    this.#low[role] = low;
    this.#seen |= 1 << role;
  }

  /** Entry k; entries come in order, and one after a gap is not of use. */
  putEntry(role: ProbeRole, k: number, high: number, low: number): void {
    if (k >= entriesMax || k !== this.#entries[role]) return;
    this.#entryHigh[role * entriesMax + k] = high;
    this.#entryLow[role * entriesMax + k] = low;
    this.#entries[role] = k + 1;
  }

  /** @returns false when what the event needs is not there; nothing is written then. */
  write(probe: Probe, batch: EventBatch, i: number): boolean {
    for (const role of probe.needed) if ((this.#seen & (1 << role)) === 0) return false;
    if (this.#has(ProbeRole.phys)) batch.phys[i] = this.#number(ProbeRole.phys);
    if (this.#has(ProbeRole.pfn)) batch.phys[i] = this.#number(ProbeRole.pfn) * pageBytes;
    if (this.#has(ProbeRole.dma)) batch.dma[i] = this.#number(ProbeRole.dma);
    if (this.#has(ProbeRole.offset)) batch.dma[i]! += this.#low[ProbeRole.offset]!;
    if (this.#has(ProbeRole.pages)) batch.size[i] = pageBytes * this.#low[ProbeRole.pages]!;
    if (this.#has(ProbeRole.size)) batch.size[i] = this.#number(ProbeRole.size);
    if (this.#has(ProbeRole.order)) batch.size[i] = pageBytes * 2 ** Math.min(40, this.#low[ProbeRole.order]!);
    if (this.#has(ProbeRole.mask)) batch.mask[i] = this.#number(ProbeRole.mask);
    if (this.#has(ProbeRole.attrs)) batch.attrs[i] = this.#low[ProbeRole.attrs]!;
    if (this.#has(ProbeRole.direction)) {
      const direction = this.#low[ProbeRole.direction]!;
      batch.direction[i] = direction < 4 ? direction : unknownDirection;
    }
    if (this.#has(ProbeRole.entry)) this.#entry(batch, i);
    if (this.#has(ProbeRole.count)) this.#lists(batch, i);
    batch.kind[i] = probe.kind;
    return true;
  }

  #has(role: ProbeRole): boolean {
    return (this.#seen & (1 << role)) !== 0;
  }

  #number(role: ProbeRole): number {
    return numberOf(this.#high[role]!, this.#low[role]!);
  }

  #entry(batch: EventBatch, i: number): void {
    const high = this.#high[ProbeRole.entry]!;
    const low = this.#low[ProbeRole.entry]!;
    if (numberOf(high, low) === -1) {
      batch.dma[i] = -1;
      batch.attrs[i] = FrameKind.invalid;
      return;
    }
    batch.dma[i] = u64(low, high % identityBit) * pageBytes;
    const foreign = high >= foreignBit;
    const identity = high % foreignBit >= identityBit;
    batch.attrs[i] = foreign ? FrameKind.foreign : identity ? FrameKind.identity : FrameKind.local;
  }

  #lists(batch: EventBatch, i: number): void {
    const count = this.#low[ProbeRole.count]!;
    batch.physTotal[i] = count;
    batch.dmaFirst[i] = batch.listDmaUsed;
    batch.physFirst[i] = batch.listPhysUsed;
    const bus = this.#most(ProbeRole.bus, count);
    for (let k = 0; k < bus; k++) {
      const known = k < this.#entries[ProbeRole.status]!;
      // A status is a signed number of 16 bits, shown as wide as whoever recorded asked for.
      const status = known ? (this.#entryLow[ProbeRole.status * entriesMax + k]! << 16) >> 16 : Number.NaN;
      batch.pushDma(i, this.#entryNumber(ProbeRole.bus, k), status);
      batch.pushPhys(i, this.#granted(k));
    }
    const places = this.#most(ProbeRole.at, count);
    for (let k = 0; k < places; k++) batch.pushPhys(i, this.#placeOf(k));
    // The pages of a batch come right after its operations, in the same task.
    if (places > 0)
      this.#pageArray.expect(batch.cpu[i]!, batch.listPhys.slice(batch.listPhysUsed - places, batch.listPhysUsed));
    const pages = this.#most(ProbeRole.page, count);
    if (pages === 0) return;
    const pointers = Array.from({ length: pages }, (_, k): [number, number] => {
      return [this.#entryHigh[ProbeRole.page * entriesMax + k]!, this.#entryLow[ProbeRole.page * entriesMax + k]!];
    });
    this.#pageArray.learn(batch.cpu[i]!, pointers);
    for (const [high, low] of pointers) batch.pushPhys(i, this.#pageArray.addressOf(high, low));
  }

  /** Where entry k is mapped, when that is an address of the domain's own. */
  #placeOf(k: number): number {
    const at = this.#entryNumber(ProbeRole.at, k);
    return at >= 0 && at < 2 ** ownBits ? at : Number.NaN;
  }

  /** Domain and reference of entry k in one number, domain * 2^32 + reference; NaN when not shown. */
  #granted(k: number): number {
    if (k >= this.#entries[ProbeRole.domain]!) return Number.NaN;
    const reference =
      k < this.#entries[ProbeRole.reference]! ? this.#entryLow[ProbeRole.reference * entriesMax + k]! : 0;
    return u64(reference, this.#entryLow[ProbeRole.domain * entriesMax + k]!);
  }

  #most(role: ProbeRole, count: number): number {
    return Math.min(count, this.#entries[role]!);
  }

  #entryNumber(role: ProbeRole, k: number): number {
    return numberOf(this.#entryHigh[role * entriesMax + k]!, this.#entryLow[role * entriesMax + k]!);
  }
}

/** Two halves as one number, exact below 2^53; all ones is -1. */
function numberOf(high: number, low: number): number {
  return high === 0xffff_ffff && low === 0xffff_ffff ? -1 : u64(low, high);
}
