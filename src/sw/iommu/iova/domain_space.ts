/**
 * The addresses of a domain as drivers get them: from a magazine of the CPU if there is one of that size, else from the
 * space; PCI devices below 4 GiB first.
 *
 * Source: Linux drivers/iommu/iova.c, alloc_iova_fast, free_iova_fast; drivers/iommu/dma-iommu.c, iommu_dma_alloc_iova.
 */
import { below4GiB, cachedSizes, roundedBelow } from "./limits.js";
import { type MagazineRules, Magazines, magazinesToday } from "./magazines.js";
import { IovaSpace, type IovaSpaceShape } from "./space.js";

export interface DomainSpaceShape extends IovaSpaceShape {
  readonly magazines?: MagazineRules;
}

/** Log of the size of the magazine that serves so many frames; beyond the last when none does. */
export const sizeClass = (frames: number): number => (frames <= 1 ? 0 : 32 - Math.clz32(frames - 1));

export class DomainSpace {
  readonly granule: number;
  readonly #space: IovaSpace;
  readonly #kept: readonly Magazines[];
  readonly #last32: number;
  readonly #giveBack = (frame: number): void => {
    this.#space.free(frame);
  };

  constructor(shape: DomainSpaceShape = {}) {
    this.granule = shape.granule ?? 4096;
    this.#last32 = below4GiB / this.granule - 1;
    this.#space = new IovaSpace(shape);
    this.#kept = Array.from({ length: cachedSizes }, () => new Magazines(shape.magazines ?? magazinesToday));
  }

  /** Ranges of the space that are in use, reserved or kept in magazines. */
  get ranges(): number {
    return this.#space.count;
  }

  /** Take bytes out of the space for ever. @param last the last byte */
  reserve(first: number, last: number): void {
    this.#space.reserve(Math.floor(first / this.granule), Math.floor(last / this.granule));
  }

  /**
   * @param frames of the domain's granule
   * @param limit the last byte that the device reaches
   * @param below32First try below 4 GiB before the rest, as for PCI devices
   * @returns the first frame; -1 when there is no room
   */
  alloc(cpu: number, frames: number, limit: number, below32First: boolean): number {
    const last = Math.floor(limit / this.granule);
    if (below32First && last > this.#last32) {
      const at = this.#fast(cpu, frames, this.#last32, false);
      if (at >= 0) return at;
    }
    return this.#fast(cpu, frames, last, true);
  }

  /** What `alloc` would give now, as long as nothing has to be drained for it; nothing changes. @returns -1: unknown */
  peek(cpu: number, frames: number, limit: number, below32First: boolean): number {
    const last = Math.floor(limit / this.granule);
    if (below32First && last > this.#last32) {
      const at = this.#peek(cpu, frames, this.#last32);
      if (at >= 0) return at;
    }
    return this.#peek(cpu, frames, last);
  }

  /** Use an address that something else has chosen, wherever it lies now. @returns false when it is in use */
  claim(first: number, asked: number): boolean {
    const size = sizeClass(asked);
    if (size < cachedSizes && this.#kept[size]!.remove(first)) return true;
    return this.#space.take(first, asked < roundedBelow ? 2 ** size : asked);
  }

  /** Give back what `alloc` of so many frames gave. */
  free(cpu: number, first: number, frames: number): void {
    const size = sizeClass(frames);
    if (size < cachedSizes) this.#kept[size]!.keep(cpu, first, this.#giveBack);
    else this.#space.free(first);
  }

  /** The work of every 100 ms: the depot keeps one magazine for each CPU. */
  trim(cpus: number): void {
    for (const kept of this.#kept) kept.drainDepot(this.#giveBack, cpus);
  }

  #peek(cpu: number, asked: number, last: number): number {
    const size = sizeClass(asked);
    const frames = asked < roundedBelow ? 2 ** size : asked;
    const kept = size < cachedSizes ? this.#kept[size]!.peek(cpu, last + 1 - frames) : -1;
    return kept >= 0 ? kept : this.#space.find(frames, last, true);
  }

  #fast(cpu: number, asked: number, last: number, mayDrain: boolean): number {
    const size = sizeClass(asked);
    const frames = asked < roundedBelow ? 2 ** size : asked;
    if (size < cachedSizes) {
      const kept = this.#kept[size]!.take(cpu, last + 1 - frames);
      if (kept >= 0) return kept;
    }
    const at = this.#space.alloc(frames, last, true);
    if (at >= 0 || !mayDrain) return at;
    for (const kept of this.#kept) {
      kept.drainCpus(this.#giveBack);
      kept.drainDepot(this.#giveBack);
    }
    return this.#space.alloc(frames, last, true);
  }
}
