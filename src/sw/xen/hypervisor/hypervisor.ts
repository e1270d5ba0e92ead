/**
 * The hypervisor: machine frames and the domains they belong to. Its hypercalls are in the files beside this one, each
 * a function of the hypervisor and the domain that calls.
 * Source: Xen common/memory.c, arch/x86/mm.c, common/page_alloc.c.
 */
import { assert, Misuse } from "../../../base/assert.js";
import type { Mfn } from "../../../base/frame.js";
import type { Choose } from "../../../base/rng.js";
import type { Memory } from "../../../mem/memory.js";
import { Errno } from "../../../spec/xen/errno.js";
import { domainSelf, firstReservedDomain, GrantStatus } from "../../../spec/xen/grant_op.js";
import { type XenBugId, type XenFlags, xenFlags } from "../bugs.js";
import { isPage, Reach } from "./cpu_map.js";
import { Domain, type DomainOptions } from "./domain.js";
import { FrameTable, FrameType, hypervisorItself } from "./frame_table.js";
import { type FrameWatch, unwatched } from "./frame_watch.js";
import { FreeFrames } from "./free_frames.js";
import { addGrantFrames } from "./grant_frames.js";

export interface HypervisorOptions {
  readonly memory: Memory;
  /** Decides where frames of domains lie. */
  readonly choose: Choose;
  readonly arch?: "x86" | "arm";
  readonly bugs?: readonly XenBugId[];
  /** A full map-track table answers no_device_space, as before there was no_space; Linux warns of the former only. */
  readonly oldStatuses?: boolean;
  /** Told of each hypercall by its name. */
  readonly called?: (call: string) => void;
  /** Told what becomes of frames, and of each access to one. */
  readonly watch?: FrameWatch;
}

export class Hypervisor {
  readonly memory: Memory;
  readonly frames: FrameTable;
  readonly free: FreeFrames;
  readonly watch: FrameWatch;
  readonly arch: "x86" | "arm";
  readonly bugs: XenFlags;
  readonly noHandleStatus: GrantStatus;
  readonly domains = new Map<number, Domain>();
  readonly #called: (call: string) => void;

  constructor(o: HypervisorOptions) {
    this.memory = o.memory;
    this.frames = new FrameTable(o.memory.frameCount);
    this.free = new FreeFrames(o.memory.frameCount, o.choose);
    this.watch = o.watch ?? unwatched;
    this.arch = o.arch ?? "x86";
    this.bugs = xenFlags(o.bugs);
    this.#called = o.called ?? (() => {});
    this.noHandleStatus = o.oldStatuses === true ? GrantStatus.noDeviceSpace : GrantStatus.noSpace;
  }

  /**
   * A domain with its memory and its first grant frame.
   * @throws Misuse `domain-exists`, `domain-reserved`, `no-memory`
   */
  createDomain(o: DomainOptions): Domain {
    if (this.domains.has(o.id)) throw new Misuse("domain-exists", `domain ${o.id} runs already`);
    if (o.id < 0 || o.id >= firstReservedDomain) throw new Misuse("domain-reserved", `${o.id} is no domain's number`);
    const d = new Domain(o);
    this.domains.set(d.id, d);
    if (d.rules.oneToOne) this.#populateRun(d, o.pages);
    else this.#populateAnywhere(d, o.pages, o.scatterOrder ?? 0);
    assert(addGrantFrames(this, d, 1), "the first grant frame fits");
    return d;
  }

  /** @returns the domain that `id` names to `caller`, undefined when there is none. */
  domain(id: number, caller?: Domain): Domain | undefined {
    return id === domainSelf ? caller : this.domains.get(id);
  }

  /** A hypercall is made. */
  count(call: string): void {
    this.#called(call);
  }

  /** Give free frames to a domain; they count among its pages. @returns null when there are none. */
  allocate(d: Domain, order: number, bits = 64): Mfn | null {
    const first = this.free.take(order, Math.min(bits, d.addressBits));
    if (first !== null) for (let n = 0; n < 2 ** order; n++) this.assign((first + n) as Mfn, d);
    return first;
  }

  /** A frame that was taken from the free ones becomes a domain's. */
  assign(m: Mfn, d: Domain): void {
    this.frames.allocate(m, d.id);
    d.pages++;
    d.devices?.own(m);
    this.watch.given(m, d.id);
  }

  /** A frame of the hypervisor's heap that a domain may see; devices may not. @returns null when there is none. */
  allocateHeap(d: Domain): Mfn | null {
    const m = this.free.take(0, 64);
    if (m === null) return null;
    this.frames.allocate(m, d.id);
    this.frames.heap[m] = 1;
    this.watch.given(m, d.id);
    return m;
  }

  /** 2^order neighbouring frames for tables of its own, which no domain sees. @returns null when there are none. */
  allocateOwn(order: number): Mfn | null {
    const first = this.free.take(order, 64);
    if (first !== null) for (let n = 0; n < 2 ** order; n++) this.frames.allocate((first + n) as Mfn, hypervisorItself);
    return first;
  }

  freeOwn(first: Mfn, order: number): void {
    for (let n = 0; n < 2 ** order; n++) this.giveUp((first + n) as Mfn);
  }

  /** Drop the allocation's reference: the owner gives the frame up; it is free when nobody else holds it. */
  giveUp(m: Mfn): boolean {
    if (this.frames.allocated[m] === 0) return false;
    this.frames.allocated[m] = 0;
    this.put(m);
    return true;
  }

  /** Take a frame from its owner, who alone holds it: it is nobody's, and not free. */
  steal(m: Mfn): void {
    assert(this.frames.references[m] === 1, "a frame that is stolen has one reference");
    this.frames.allocated[m] = 0;
    this.frames.putPage(m);
    this.#leave(m);
  }

  /** Drop one reference. */
  put(m: Mfn): void {
    if (!this.frames.putPage(m)) return;
    this.#leave(m);
    this.free.give(m);
  }

  /** The last reference is gone: the frame is nobody's. */
  #leave(m: Mfn): void {
    const owner = this.domains.get(this.frames.owner[m]!);
    if (this.frames.heap[m] === 0 && owner !== undefined) {
      owner.pages--;
      owner.devices?.disown(m);
    }
    this.frames.release(m);
    this.watch.freed(m);
  }

  /** The frame that a number of the domain names: its own frame, or what its map says when it is translated. -1: none. */
  frameOfGfn(d: Domain, gfn: number): number {
    if (d.rules.translated) return d.map.frameOf(gfn);
    return this.frames.exists(gfn) ? gfn : -1;
  }

  /**
   * A paravirtualised domain writes the entry of its direct map for one page.
   * @param frame -1 clears the entry
   * @returns 0, or Errno.invalid for no such page, a frame that is not the domain's or is in use as a page table.
   */
  setMapping(d: Domain, page: number, frame: number): number {
    this.count("update_va_mapping");
    if (d.rules.translated || !isPage(this, page)) return Errno.invalid;
    if (frame >= 0) {
      if (!this.frames.getPage(frame, d.id)) return Errno.invalid;
      if (!this.frames.getType(frame, FrameType.writable)) {
        this.put(frame as Mfn);
        return Errno.invalid;
      }
    }
    this.dropMapping(d, page);
    if (frame >= 0) d.map.set(page, frame, Reach.present | Reach.writable);
    return 0;
  }

  /** Forget what a page meant; references of an own frame under it are dropped, those of a grant belong to its handle. */
  dropMapping(d: Domain, page: number): void {
    const old = d.map.frameOf(page);
    const reach = d.map.reachOf(page);
    d.map.clear(page);
    if (old < 0 || d.rules.translated || (reach & Reach.granted) !== 0) return;
    this.frames.putType(old);
    this.put(old as Mfn);
  }

  /** A guest writes the M2P entry of a frame of its own. @returns 0 or Errno.invalid. */
  setM2p(d: Domain, frame: number, page: number): number {
    this.count("mmu_update");
    if (!this.frames.ownedBy(frame, d.id)) return Errno.invalid;
    this.frames.m2p[frame] = page;
    return 0;
  }

  #populateRun(d: Domain, pages: number): void {
    const first = this.free.takeRun(pages);
    if (first === null) throw new Misuse("no-memory", `no run of ${pages} frames for domain ${d.id}`);
    d.firstPage = first;
    for (let n = 0; n < pages; n++) this.#start(d, first + n, (first + n) as Mfn, true);
  }

  #populateAnywhere(d: Domain, pages: number, scatterOrder: number): void {
    for (let page = 0, order = scatterOrder; page < pages; ) {
      while (2 ** order > pages - page) order--;
      const first = this.free.take(order, d.addressBits);
      if (first === null && order === 0) {
        throw new Misuse("no-memory", `${pages} pages for domain ${d.id}; ${page} frames were free`);
      }
      if (first === null) order--;
      else for (let n = 0; n < 2 ** order; n++, page++) this.#start(d, page, (first + n) as Mfn, true);
    }
  }

  #start(d: Domain, page: number, m: Mfn, writable: boolean): void {
    this.assign(m, d);
    this.place(d, page, m, writable);
  }

  /** Put a domain's own frame at one of its pages: M2P, and the map with its references. */
  place(d: Domain, page: number, m: Mfn, writable = true): void {
    this.frames.m2p[m] = page;
    if (!d.rules.translated) {
      const held = this.frames.getPage(m, d.id) && this.frames.getType(m, FrameType.writable);
      assert(held, "a fresh frame can be mapped");
    }
    d.map.set(page, m, Reach.present | (writable ? Reach.writable : 0));
  }
}
