/**
 * The kernel of one domain: one algorithm over the rules of its memory model.
 * Source: Linux arch/x86/include/asm/xen/page.h, include/xen/arm/page.h, drivers/xen/swiotlb-xen.c.
 */
import { assert } from "../../../base/assert.js";
import { frameBytes, type Pfn } from "../../../base/frame.js";
import { foreignBit, invalidM2p } from "../../../spec/xen/p2m_entry.js";
import type { Contiguous, GuestKernel, PageHole } from "../guest_kernel.js";
import { cacheFlush } from "../hypervisor/cache_flush.js";
import type { Domain } from "../hypervisor/domain.js";
import type { Hypervisor } from "../hypervisor/hypervisor.js";
import type { XenModel } from "../models.js";
import { ArmTree } from "./arm_tree.js";
import { Buddy } from "./buddy.js";
import { createRegion, destroyRegion } from "./contiguous.js";
import { GuestMemory } from "./guest_memory.js";
import { M2pOverride } from "./m2p_override.js";
import { P2m } from "./p2m.js";

const pageBytes = frameBytes;

export interface GuestOptions {
  /** Entries that its page map can grow to: set_phys_to_machine fails beyond. Default: no limit. */
  readonly p2mMax?: number;
  /** Pages in the midst of its memory that are never handed out. Default: null, none. */
  readonly hole?: PageHole | null;
}

export class Guest implements GuestKernel {
  readonly h: Hypervisor;
  readonly d: Domain;
  readonly domain: number;
  readonly model: XenModel;
  readonly memory: GuestMemory;
  /** Its own table, kept by the model `p2m` only. */
  readonly p2m: P2m | null;
  /** Foreign ranges, kept by the model `p==m` only. */
  readonly tree: ArmTree | null;
  readonly override = new M2pOverride();
  readonly pages: Buddy;
  /** Pages of memory at start; foreign and ballooned pages may lie beyond. */
  readonly ramFirst: number;
  readonly ramCount: number;
  /** Pages at which another's frame stands now. */
  readonly foreignPages = new Set<number>();
  readonly p2mMax: number;
  /** What a stub that sets no handle leaves behind: the last one. */
  lastHandle = 0;

  constructor(h: Hypervisor, d: Domain, o: GuestOptions = {}) {
    this.h = h;
    this.d = d;
    this.domain = d.id;
    this.model = d.model;
    this.memory = new GuestMemory(h, d);
    this.ramFirst = d.firstPage;
    this.ramCount = d.map.length === 0 ? 0 : ramOf(d);
    this.p2mMax = o.p2mMax ?? Infinity;
    this.p2m = d.rules.bus === "table" ? new P2m() : null;
    this.tree = d.rules.bus === "tree" ? new ArmTree() : null;
    if (this.p2m !== null) this.#readStartList(this.p2m);
    this.pages = new Buddy(this.ramFirst, this.ramCount);
    // Page 0 is nobody's: address 0 stands for no address in more than one place.
    const first = Math.max(1, this.ramFirst);
    const end = this.ramFirst + this.ramCount;
    const hole = o.hole ?? { first: end, end };
    const free = (from: number, to: number) => this.pages.giveRun(from, Math.max(0, to - from));
    free(first, Math.min(end, hole.first));
    free(Math.max(first, hole.end), end);
  }

  physToBus(phys: number): number {
    const low = phys % pageBytes;
    const frame = this.frameOf((phys - low) / pageBytes);
    return frame < 0 ? -1 : frame * pageBytes + low;
  }

  busToPhys(bus: number): number {
    return this.#reverse(bus, (frame) => this.#pageOf(frame));
  }

  busToLocalPhys(bus: number): number {
    return this.#reverse(bus, (frame) => this.#localPageOf(frame));
  }

  isForeign(pfn: Pfn): boolean {
    return this.foreignPages.has(pfn);
  }

  allocPages(order: number): Pfn | null {
    return this.pages.take(order);
  }

  freePages(first: Pfn, order: number): void {
    this.pages.give(first, order);
  }

  /** A run of pages of any length, as boot memory is had. `align` in pages. @returns null when there is none. */
  allocRun(count: number, align: number): Pfn | null {
    return this.pages.takeRun(count, align);
  }

  createContiguous(phys: number, order: number, addressBits: number): Contiguous {
    return createRegion(this, phys, order, addressBits);
  }

  destroyContiguous(phys: number, order: number): void {
    destroyRegion(this, phys, order);
  }

  cacheFlush(bus: number, length: number, op: "clean" | "invalidate"): number {
    return cacheFlush(this.h, this.d, { bus, length, op });
  }

  /** Frame that the DMA layer takes a page for; -1 when it cannot know. */
  frameOf(page: number): number {
    if (this.p2m !== null) return this.p2m.frame(page);
    if (this.tree !== null) return this.tree.frameOf(page);
    if (this.d.rules.bus === "same") return page;
    if (this.d.rules.bus === "nobody") return -1;
    this.h.count("translate_gfn");
    return this.d.map.frameOf(page);
  }

  /** Number by which hypercalls name a page: the machine frame under it, or the page itself when translated. */
  gfnOf(page: number): number {
    return this.d.rules.translated ? page : this.d.map.frameOf(page);
  }

  ownsPage(page: number): boolean {
    return page >= this.ramFirst && page < this.ramFirst + this.ramCount;
  }

  /**
   * A foreign frame stands at a page now.
   * @param flagged the entry says so
   * @returns false when the page map has no room: the caller unmaps again.
   */
  setForeign(page: number, frame: number, flagged: boolean): boolean {
    if (this.p2m !== null) {
      if (page >= this.p2mMax) return false;
      this.p2m.set(page, frame, flagged ? foreignBit : 0);
    }
    if (this.tree !== null && !this.tree.add(page, frame, 1)) return false;
    this.foreignPages.add(page);
    return true;
  }

  /** It stands there no more; the table entry is the caller's to put back. */
  clearForeign(page: number): void {
    this.tree?.remove(page);
    this.foreignPages.delete(page);
  }

  #reverse(bus: number, of: (frame: number) => number): number {
    if (bus < 0) return -1;
    const low = bus % pageBytes;
    const page = of((bus - low) / pageBytes);
    return page < 0 ? -1 : page * pageBytes + low;
  }

  #pageOf(frame: number): number {
    const { bus } = this.d.rules;
    if (bus === "tree" || bus === "same") return frame;
    if (bus === "nobody") return -1;
    if (bus === "hypercall") this.h.count("translate_mfn");
    const page = this.h.frames.exists(frame) ? this.h.frames.m2p[frame]! : invalidM2p;
    if (this.p2m !== null && (page === invalidM2p || !this.p2m.isExactly(page, frame))) {
      const stood = this.override.pageOf(frame);
      if (stood >= 0) return stood;
    }
    return page === invalidM2p ? -1 : page;
  }

  #localPageOf(frame: number): number {
    const page = this.#pageOf(frame);
    if (page < 0) return -1;
    if (this.p2m !== null) {
      const masked = this.h.bugs["masked-local-test"];
      return (masked ? this.p2m.frame(page) === frame : this.p2m.isExactly(page, frame)) ? page : -1;
    }
    if (this.d.rules.bus === "hypercall") return this.h.frames.ownedBy(frame, this.domain) ? page : -1;
    return this.ownsPage(page) && !this.foreignPages.has(page) ? page : -1;
  }

  #readStartList(p2m: P2m): void {
    p2m.grow(this.ramCount);
    for (let page = 0; page < this.ramCount; page++) {
      const frame = this.d.map.frameOf(page);
      assert(frame >= 0, "a page of the start list has a frame");
      p2m.set(page, frame);
    }
  }
}

function ramOf(d: Domain): number {
  let end = d.map.length;
  while (end > d.firstPage && d.map.frameOf(end - 1) < 0) end--;
  return end - d.firstPage;
}
