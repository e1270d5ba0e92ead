/**
 * Which of the domain's addresses a `struct page *` stands for.
 *
 * x86-64 has its array of struct page at a fixed place, which a paravirtualised Xen kernel does not move. On arm64 the
 * place depends on the kernel's page size, its address bits and where memory begins; it is learnt from batches of which
 * the recording shows both, the pages and the addresses at which their grants were mapped.
 * Source: Linux Documentation/arch/x86/x86_64/mm.rst; arch/arm64/include/asm/memory.h (VMEMMAP_START),
 * include/linux/mm_types.h (64 bytes a struct page).
 */
import { u64 } from "../../base/u64.js";

const pageStructBytes = 64;
/** Upper halves of where the array lies on x86-64, one TiB. */
const x86High = 0xffffea00;
const x86HighEnd = 0xffffeb00;
/** The arrays of both lie in the upper half of the address space: counted from there a double holds a pointer exactly. */
const kernelHigh = 0xffff0000;
/** Sizes of a page that arm64 kernels are built with. */
const pageSizes = [4096, 16384, 65536];

interface Pair {
  readonly pointer: number;
  readonly address: number;
}

export class PageArray {
  /** Addresses of the batch whose pages come next, by CPU. */
  readonly #expected = new Map<number, ArrayLike<number>>();
  #first: Pair | null = null;
  /** Bytes of memory for one struct page; NaN until two different pages were seen. */
  #pageBytes = Number.NaN;

  /** A batch was mapped at these addresses (NaN: not of the domain's own). */
  expect(cpu: number, addresses: ArrayLike<number>): void {
    this.#expected.set(cpu, addresses);
  }

  /** The pages of the same batch. */
  learn(cpu: number, pointers: readonly (readonly [high: number, low: number])[]): void {
    const addresses = this.#expected.get(cpu);
    this.#expected.delete(cpu);
    if (addresses === undefined || !Number.isNaN(this.#pageBytes)) return;
    pointers.forEach(([high, low], k) => {
      const address = addresses[k] ?? Number.NaN;
      if (high < kernelHigh || Number.isNaN(address)) return;
      const pair = { pointer: offsetOf(high, low), address };
      if (this.#first === null) this.#first = pair;
      else this.#measure(this.#first, pair);
    });
  }

  /** @returns the first byte's address, NaN where nothing says where the array begins. */
  addressOf(high: number, low: number): number {
    if (high < kernelHigh || low % pageStructBytes !== 0) return Number.NaN;
    const first = this.#first;
    if (first !== null) {
      const pages = (offsetOf(high, low) - first.pointer) / pageStructBytes;
      if (pages === 0) return first.address;
      const address = first.address + pages * this.#pageBytes;
      return address >= 0 ? address : Number.NaN;
    }
    const inX86 = high >= x86High && high < x86HighEnd;
    return inX86 ? (u64(low, high - x86High) / pageStructBytes) * 4096 : Number.NaN;
  }

  #measure(a: Pair, b: Pair): void {
    const bytes = ((b.address - a.address) * pageStructBytes) / (b.pointer - a.pointer);
    if (pageSizes.includes(bytes)) this.#pageBytes = bytes;
  }
}

const offsetOf = (high: number, low: number): number => u64(low, high - kernelHigh);
