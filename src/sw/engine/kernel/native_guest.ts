/** A kernel without a hypervisor: its physical addresses are the machine's, all pages are its own. */
import { frameBytes, type Pfn, pfn } from "../../../base/frame.js";
import { Memory } from "../../../mem/memory.js";
import type { Contiguous, GuestKernel, PageHole } from "../../xen/guest_kernel.js";
import { NativePages } from "./native_pages.js";

const pageBytes = frameBytes;

/** Pages below 4 GiB: what a driver with 32 address bits can ask for (zone DMA32). */
const lowPages = 2 ** 20;

export interface NativeOptions {
  /** Frames at the beginning of memory that are never handed out. Default: one. */
  readonly reserved?: number;
  /**
   * Hand out memory above 4 GiB before memory below, so that low memory lasts, as Linux's zone lists do
   * (mm/page_alloc.c, build_zonerefs_node). Default: the lowest pages first.
   */
  readonly highFirst?: boolean;
  /** Pages in the midst of memory that are never handed out. Default: null, none. */
  readonly hole?: PageHole | null;
  /** Whose frames are the kernel's physical ones. Default: memory of its own. */
  readonly memory?: Memory;
}

export class NativeGuest implements GuestKernel {
  readonly domain = 0;
  readonly model = "native";
  readonly memory: Memory;
  readonly #pages: NativePages;
  /** Pages above 4 GiB, where they are handed out first. */
  readonly #high: NativePages | null;
  readonly #end: number;

  /** @param frames frames of memory */
  constructor(frames: number, o: NativeOptions = {}) {
    this.memory = o.memory ?? new Memory(frames);
    const split = o.highFirst === true && frames > lowPages;
    this.#pages = new NativePages(o.reserved ?? 1, split ? lowPages : frames, o.hole);
    this.#high = split ? new NativePages(lowPages, frames) : null;
    this.#end = frames * pageBytes;
  }

  /** Pages that nobody holds. */
  get pagesLeft(): number {
    return this.#pages.pagesLeft + (this.#high?.pagesLeft ?? 0);
  }

  physToBus(phys: number): number {
    return phys;
  }

  busToPhys(bus: number): number {
    return bus < this.#end ? bus : -1;
  }

  busToLocalPhys(bus: number): number {
    return bus < this.#end ? bus : -1;
  }

  isForeign(): boolean {
    return false;
  }

  allocPages(order: number, highest = this.#end): Pfn | null {
    const last = Math.floor((highest + 1) / pageBytes) - 1;
    const high = this.#high?.allocate(order, last) ?? -1;
    const first = high >= 0 ? high : this.#pages.allocate(order, last);
    return first < 0 ? null : pfn(first);
  }

  freePages(first: Pfn, order: number): void {
    if (this.#high !== null && first >= lowPages) this.#high.release(first, order);
    else this.#pages.release(first, order);
  }

  createContiguous(phys: number): Contiguous {
    return { ok: true, handle: phys };
  }

  destroyContiguous(): void {}

  cacheFlush(): number {
    return 0;
  }
}
