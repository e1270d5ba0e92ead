/**
 * The reverse of 2011 to 2015: frames that stand at a page of ours although M2P names another's.
 * Source: Linux arch/x86/xen/p2m.c of 2011 (9b705f0e98c4, m2p_add_override), removed in 2015.
 */
export class M2pOverride {
  readonly #pages = new Map<number, number[]>();

  add(frame: number, page: number): void {
    const pages = this.#pages.get(frame);
    if (pages === undefined) this.#pages.set(frame, [page]);
    else pages.unshift(page);
  }

  /** @returns true when no page is left for the frame. */
  remove(frame: number, page: number): boolean {
    const left = (this.#pages.get(frame) ?? []).filter((p) => p !== page);
    if (left.length === 0) this.#pages.delete(frame);
    else this.#pages.set(frame, left);
    return left.length === 0;
  }

  /** @returns the page that stands for a frame, -1 when none does. */
  pageOf(frame: number): number {
    return this.#pages.get(frame)?.[0] ?? -1;
  }

  get size(): number {
    return this.#pages.size;
  }
}
