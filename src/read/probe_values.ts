/**
 * The values of one probe's event, gathered argument by argument and then written into the columns of a batch.
 *
 * Values have 64 bits and come as two halves. Source of the layouts: Linux arch/x86/include/asm/xen/page.h (flag bits of
 * a P2M entry), Documentation/arch/x86/x86_64/mm.rst (where the array of struct page begins; a paravirtualised Xen
 * kernel does not move it).
 */
import { type EventBatch, unknownDirection } from "./event.js";
import { entriesMax, type Probe, ProbeRole } from "./probes.js";
import { FrameKind } from "./xen/p2m_file.js";

const pageBytes = 4096;
/** Upper half of where the array of struct page begins, and the size of one. */
const pagesHigh = 0xffffea00;
const pageStructBytes = 64;
const foreignBit = 0x8000_0000;
const identityBit = 0x4000_0000;

export class ProbeValues {
  readonly #high = new Float64Array(16);
  readonly #low = new Float64Array(16);
  readonly #entryHigh = new Float64Array(16 * entriesMax);
  readonly #entryLow = new Float64Array(16 * entriesMax);
  readonly #entries = new Int32Array(16);
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
    batch.dma[i] = ((high % identityBit) * 2 ** 32 + low) * pageBytes;
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
    const pages = this.#most(ProbeRole.page, count);
    for (let k = 0; k < pages; k++) {
      const high = this.#entryHigh[ProbeRole.page * entriesMax + k]!;
      const low = this.#entryLow[ProbeRole.page * entriesMax + k]!;
      const frame = ((high - pagesHigh) * 2 ** 32 + low) / pageStructBytes;
      const whole = high >= pagesHigh && high < 0xffffff00 && Number.isInteger(frame);
      batch.pushPhys(i, whole ? frame * pageBytes : Number.NaN);
    }
  }

  /** Domain and reference of entry k in one number, domain * 2^32 + reference; NaN when not shown. */
  #granted(k: number): number {
    if (k >= this.#entries[ProbeRole.domain]!) return Number.NaN;
    const reference =
      k < this.#entries[ProbeRole.reference]! ? this.#entryLow[ProbeRole.reference * entriesMax + k]! : 0;
    return this.#entryLow[ProbeRole.domain * entriesMax + k]! * 2 ** 32 + reference;
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
  return high === 0xffff_ffff && low === 0xffff_ffff ? -1 : high * 2 ** 32 + low;
}
