/** A kernel without a hypervisor: its physical addresses are the machine's, all pages are its own. */
import { type Pfn, pfn } from "../../base/frame.js";
import { Memory } from "../../mem/memory.js";
import type { Contiguous, GuestKernel } from "../xen/guest_kernel.js";
import { NativePages } from "./native_pages.js";

const frameBytes = 4096;

export class NativeGuest implements GuestKernel {
  readonly domain = 0;
  readonly model = "native";
  readonly memory: Memory;
  readonly #pages: NativePages;
  readonly #end: number;

  /** @param frames frames of memory; @param reserved frames at its beginning that are never handed out */
  constructor(frames: number, reserved = 1) {
    this.memory = new Memory(frames);
    this.#pages = new NativePages(reserved, frames);
    this.#end = frames * frameBytes;
  }

  /** Pages that nobody holds. */
  get pagesLeft(): number {
    return this.#pages.pagesLeft;
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
    const first = this.#pages.allocate(order, Math.floor((highest + 1) / frameBytes) - 1);
    return first < 0 ? null : pfn(first);
  }

  freePages(first: Pfn, order: number): void {
    this.#pages.release(first, order);
  }

  createContiguous(phys: number): Contiguous {
    return { ok: true, handle: phys };
  }

  destroyContiguous(): void {}

  cacheFlush(): number {
    return 0;
  }
}
