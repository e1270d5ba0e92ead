/**
 * Who holds each page, by kind: the tables of an IOMMU, flushes that are not done, a domain. A page is given to somebody
 * else when neither of the first two is left.
 *
 * Source: D2 (T. Deegan: the IOMMU's table itself takes references to all that it points to, and drops them when the flush
 * completes); Xen's page types and counts (xen/include/asm-x86/mm.h).
 */
import { assert } from "../../../base/assert.js";
import { type CellArray, cells, type MachineState, record } from "../../../state/index.js";

/** Owner of a page that nobody has. */
export const nobody = 0;

export class PageBook {
  readonly count: number;
  readonly #owners: CellArray;
  readonly #mapped: CellArray;
  readonly #pending: CellArray;
  readonly #parked: CellArray;
  readonly #protected: CellArray;

  /** @param count pages, numbered from 0 */
  constructor(state: MachineState, count: number) {
    this.count = count;
    const s = state.place(
      record("pages", {
        owners: cells(count, "domain plus one; 0 = free"),
        mapped: cells(count, "entries of the IOMMU's tables that lead to it"),
        pending: cells(count, "flushes that name it and are not done"),
        protected: cells(count, "1 = devices may only read it"),
        parked: cells(count, "1 = its owner gave it back, and it waits until nothing leads to it"),
      }),
    );
    this.#owners = s.owners;
    this.#mapped = s.mapped;
    this.#pending = s.pending;
    this.#parked = s.parked;
    this.#protected = s.protected;
  }

  ownerOf(page: number): number {
    return this.#owners.get(page);
  }

  /** Was it given back, and is it waited until nothing leads to it? */
  isParked(page: number): boolean {
    return this.#parked.get(page) === 1;
  }

  isFree(page: number): boolean {
    return this.#owners.get(page) === nobody;
  }

  /** Devices may only read it from now on. */
  protect(page: number): void {
    this.#protected.set(page, 1);
  }

  isProtected(page: number): boolean {
    return this.#protected.get(page) === 1;
  }

  give(page: number, owner: number): void {
    assert(this.isFree(page), "a page that is given to somebody is nobody's");
    this.#owners.set(page, owner);
  }

  /** An entry leads to it. */
  map(page: number): void {
    this.#mapped.set(page, this.#mapped.get(page) + 1);
  }

  /** The entry is gone; a flush will say when nothing knows it any more. */
  unmap(page: number): void {
    this.#mapped.set(page, this.#mapped.get(page) - 1);
    this.#pending.set(page, this.#pending.get(page) + 1);
  }

  /** That flush is done. */
  flushed(page: number): void {
    this.#pending.set(page, this.#pending.get(page) - 1);
    if (this.#parked.get(page) === 1) this.release(page);
  }

  /** Its owner gives it back: at once where nothing leads to it, else when the last reference goes. */
  release(page: number): void {
    const held = this.#mapped.get(page) + this.#pending.get(page) > 0;
    this.#parked.set(page, held ? 1 : 0);
    if (!held) this.#owners.set(page, nobody);
  }

  /** Its owner gives it back, whatever leads to it. */
  free(page: number): void {
    this.#parked.set(page, 0);
    this.#owners.set(page, nobody);
  }
}
