/**
 * A guest of any memory model whose frames lie anywhere, with pages of another domain among them: small, slow and
 * plain, so that engines are tested against something that shares no code with the hypervisor's model.
 */
import { type Pfn, pfn } from "../../../src/base/frame.js";
import { Rng } from "../../../src/base/rng.js";
import type { DmaOutcome, DmaPort } from "../../../src/bus/dma_port.js";
import type { ByteMemory } from "../../../src/mem/byte_memory.js";
import { Memory } from "../../../src/mem/memory.js";
import type { Contiguous, GuestKernel, MemoryModel } from "../../../src/sw/engine/index.js";
import { NativePages } from "../../../src/sw/engine/kernel/native_pages.js";

const page = 4096;

export interface Shape {
  readonly model: MemoryModel;
  /** Own pages. */
  readonly pages: number;
  /** Frames of the machine; those of the other domain and free ones included. */
  readonly frames: number;
  readonly seed: number;
  /** First machine frame that own pages may have. */
  readonly from?: number;
}

export class ScatteredGuest implements GuestKernel {
  readonly domain = 0;
  readonly model: MemoryModel;
  readonly machine: Memory;
  readonly memory: ByteMemory;
  /** Machine frame of each page; -1 where there is none. Above the own pages are numbers for foreign ones. */
  readonly p2m: number[];
  readonly foreign = new Set<number>();
  readonly m2p: number[];
  /** What cacheFlush answers: 0, or an error for all calls. */
  cacheStatus = 0;
  cacheCalls: string[] = [];
  /** Contiguous regions that were made and not destroyed, and destroyed without having been made. */
  readonly regions = new Map<number, number>();
  unpaired = 0;
  translations = 0;
  readonly #pages: NativePages;
  readonly #free: Set<number>;
  readonly #own: number;
  readonly #rng: Rng;

  constructor(o: Shape) {
    this.model = o.model;
    this.#own = o.pages;
    this.#rng = new Rng(o.seed);
    this.machine = new Memory(2 ** 21);
    this.m2p = Array(o.frames).fill(-1);
    const order = [...Array(o.frames).keys()].filter((f) => f >= (o.from ?? 0));
    if (o.model !== "p==m") shuffle(order, this.#rng);
    this.p2m = order.slice(0, o.pages);
    for (const [p, f] of this.p2m.entries()) this.m2p[f] = p;
    this.#free = new Set([...Array(o.frames).keys()].filter((f) => this.m2p[f] === -1));
    this.#pages = new NativePages(1, o.pages);
    this.memory = new Translated(this.machine, (phys) => this.#machineAddress(phys));
  }

  get pagesLeft(): number {
    return this.#pages.pagesLeft;
  }

  /** A page of the other domain is mapped here. @returns its machine frame. */
  mapForeign(o: { readonly at: number; readonly ownersNumber: number }): number {
    const frame = this.#someFree();
    this.#free.delete(frame);
    this.p2m[o.at] = frame;
    this.foreign.add(o.at);
    this.m2p[frame] = o.ownersNumber;
    return frame;
  }

  unmapForeign(at: number): void {
    this.#free.add(this.p2m[at]!);
    this.m2p[this.p2m[at]!] = -1;
    this.p2m[at] = -1;
    this.foreign.delete(at);
  }

  /** Put an own page at a frame of the test's choice. */
  place(at: number, frame: number): void {
    if (this.p2m[at] === frame) return;
    if (!this.#free.has(frame)) throw new Error(`frame ${frame} is taken`);
    const bytes = new Uint8Array(page);
    this.machine.read(this.p2m[at]! * page, bytes);
    this.#release(this.p2m[at]!);
    this.#take(at, frame);
    this.machine.write(frame * page, bytes);
  }

  isFree(frame: number): boolean {
    return this.#free.has(frame);
  }

  physToBus(phys: number): number {
    if (this.model === "vp+iommu") return phys;
    if (this.model === "vp+hypercall") this.translations++;
    return this.#machineAddress(phys);
  }

  busToPhys(bus: number): number {
    if (this.model === "vp+iommu" || this.model === "p==m") return bus;
    if (this.model === "vp+hypercall") return -1;
    const p = this.m2p[Math.floor(bus / page)] ?? -1;
    return p < 0 ? -1 : p * page + (bus % page);
  }

  busToLocalPhys(bus: number): number {
    const phys = this.busToPhys(bus);
    if (phys < 0) return -1;
    if (this.model === "vp+iommu" || this.model === "p==m") return phys < this.#own * page ? phys : -1;
    const p = Math.floor(phys / page);
    return this.p2m[p] === Math.floor(bus / page) && !this.foreign.has(p) ? phys : -1;
  }

  isForeign(p: Pfn): boolean {
    return this.foreign.has(p);
  }

  allocPages(order: number): Pfn | null {
    const first = this.#pages.allocate(order);
    return first < 0 ? null : pfn(first);
  }

  freePages(first: Pfn, order: number): void {
    this.#pages.release(first, order);
  }

  createContiguous(phys: number, order: number, addressBits: number): Contiguous {
    const count = 2 ** order;
    const first = phys / page;
    const old = this.p2m.slice(first, first + count);
    for (const f of old) this.#release(f);
    const limit = Math.min(this.m2p.length, 2 ** (addressBits - 12));
    // The lowest frames are the firmware's.
    let at = Math.ceil(64 / count) * count;
    while (at + count <= limit && !range(at, count).every((f) => this.#free.has(f))) at += count;
    const ok = at + count <= limit;
    for (const k of range(0, count)) {
      const frame = ok ? at + k : old[k]!;
      this.#take(first + k, frame);
      this.machine.write(frame * page, new Uint8Array(page));
    }
    if (ok) this.regions.set(first, order);
    return { ok, handle: this.p2m[first]! * page };
  }

  destroyContiguous(phys: number, order: number): void {
    const first = phys / page;
    if (this.regions.get(first) !== order) this.unpaired++;
    this.regions.delete(first);
    for (const k of range(0, 2 ** order)) {
      this.#release(this.p2m[first + k]!);
      this.#take(first + k, this.#someFree());
    }
  }

  cacheFlush(_bus: number, length: number, op: "clean" | "invalidate"): number {
    if (length > 0) this.cacheCalls.push(op);
    return this.cacheStatus;
  }

  /** Make a pool of slots the way swiotlb-xen does at boot: each 256 KiB in one piece, low. */
  pool(slots: number, areas = 1): { start: number; slots: number; areas: number } {
    const order = Math.ceil(Math.log2((slots * 2048) / page));
    const first = this.allocPages(order)!;
    const rearranges = this.model === "p2m" || this.model === "vp+hypercall";
    for (let k = 0; rearranges && k < 2 ** order; k += 64) {
      const made = this.createContiguous((first + k) * page, Math.min(6, order), 32);
      if (!made.ok) throw new Error("no contiguous frames for the pool");
    }
    this.regions.clear();
    return { start: first * page, slots, areas };
  }

  /** The bus of this machine. */
  port(): DmaPort {
    const memory = this.model === "vp+iommu" ? this.memory : this.machine;
    const go = (act: () => void): DmaOutcome => {
      try {
        act();
        return "done";
      } catch {
        return "outside";
      }
    };
    return {
      read: (_requester, address, into) => go(() => memory.read(address, into)),
      write: (_requester, address, from) => go(() => memory.write(address, from)),
    };
  }

  /** A free frame of the machine's upper half. */
  #someFree(): number {
    const half = this.m2p.length / 2;
    for (;;) {
      const frame = half + this.#rng.below(half);
      if (this.#free.has(frame)) return frame;
    }
  }

  #machineAddress(phys: number): number {
    const frame = this.p2m[Math.floor(phys / page)] ?? -1;
    return frame < 0 ? -1 : frame * page + (phys % page);
  }

  #take(p: number, frame: number): void {
    this.#free.delete(frame);
    this.p2m[p] = frame;
    this.m2p[frame] = p;
  }

  #release(frame: number): void {
    this.#free.add(frame);
    this.m2p[frame] = -1;
  }
}

/** Memory by another address, page by page. */
class Translated implements ByteMemory {
  readonly #inner: Memory;
  readonly #at: (address: number) => number;

  constructor(inner: Memory, at: (address: number) => number) {
    this.#inner = inner;
    this.#at = at;
  }

  read(address: number, into: Uint8Array): void {
    pieces(address, into.length, (at, from, count) =>
      this.#inner.read(this.#at(at), into.subarray(from, from + count)),
    );
  }

  write(address: number, from: Uint8Array): void {
    pieces(address, from.length, (at, k, count) => this.#inner.write(this.#at(at), from.subarray(k, k + count)));
  }

  copy(o: { readonly from: number; readonly to: number; readonly count: number }): void {
    const bytes = new Uint8Array(o.count);
    this.read(o.from, bytes);
    this.write(o.to, bytes);
  }
}

function pieces(address: number, size: number, visit: (at: number, from: number, count: number) => void): void {
  for (let done = 0; done < size; ) {
    const at = address + done;
    const count = Math.min(page - (at % page), size - done);
    visit(at, done, count);
    done += count;
  }
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, k) => from + k);

function shuffle(list: number[], rng: Rng): void {
  for (let k = list.length - 1; k > 0; k--) {
    const other = rng.below(k + 1);
    [list[k], list[other]] = [list[other]!, list[k]!];
  }
}
