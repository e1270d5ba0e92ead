/**
 * What a domain's own page numbers mean to its CPUs at this moment: for a paravirtualised domain the page table
 * entries of its direct map, for a translated one the second stage.
 */
export const Reach = { present: 1, writable: 2, granted: 4, status: 8 } as const;

const absent = -1;

/** Page numbers that a domain may use end here: hostile numbers must not make tables grow without end. */
export const pageLimit = (h: { readonly frames: { readonly count: number } }): number => h.frames.count * 2 + 2 ** 20;

export const isPage = (h: Parameters<typeof pageLimit>[0], page: number): boolean =>
  Number.isInteger(page) && page >= 0 && page < pageLimit(h);

export class CpuMap {
  frames = new Int32Array(0);
  reach = new Uint8Array(0);
  /** Told of each page that means something else now: who keeps the same map for devices. */
  changed: ((page: number) => void) | null = null;

  get length(): number {
    return this.frames.length;
  }

  /** @returns the machine frame under a page, -1 when none is. */
  frameOf(page: number): number {
    return page >= 0 && page < this.frames.length ? this.frames[page]! : absent;
  }

  reachOf(page: number): number {
    return page >= 0 && page < this.reach.length ? this.reach[page]! : 0;
  }

  set(page: number, frame: number, reach: number): void {
    this.grow(page + 1);
    this.frames[page] = frame;
    this.reach[page] = reach;
    this.changed?.(page);
  }

  clear(page: number): void {
    if (page >= this.frames.length) return;
    this.frames[page] = absent;
    this.reach[page] = 0;
    this.changed?.(page);
  }

  grow(length: number): void {
    if (length <= this.frames.length) return;
    const size = Math.max(length, Math.ceil(this.frames.length * 1.5));
    const frames = new Int32Array(size).fill(absent);
    frames.set(this.frames);
    const reach = new Uint8Array(size);
    reach.set(this.reach);
    this.frames = frames;
    this.reach = reach;
  }
}
