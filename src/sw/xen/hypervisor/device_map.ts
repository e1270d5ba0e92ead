/** The address space of a domain's devices behind an IOMMU, page by page. */

/** What devices of a domain reach, by device frame number. */
export class DeviceMap {
  readonly #entries = new Map<number, { readonly frame: number; readonly writable: boolean }>();

  get size(): number {
    return this.#entries.size;
  }

  /** @returns the frame, -1 when nothing is mapped there for this access. */
  frameOf(dfn: number, write: boolean): number {
    const entry = this.#entries.get(dfn);
    return entry === undefined || (write && !entry.writable) ? -1 : entry.frame;
  }

  has(dfn: number): boolean {
    return this.#entries.has(dfn);
  }

  set(dfn: number, frame: number, writable: boolean): void {
    this.#entries.set(dfn, { frame, writable });
  }

  delete(dfn: number): boolean {
    return this.#entries.delete(dfn);
  }
}
