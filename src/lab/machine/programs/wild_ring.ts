/** A ring that its owner writes without any rule. */
import type { Pfn } from "../../../base/frame.js";
import { RingIndex, ringEntriesAt, ringSize } from "../../../spec/xen/ring.js";
import type { HostilePages } from "./hostile_pages.js";

/** The shared page of the ring, as its owner scribbles into it. */
export class WildRing {
  readonly #pages: HostilePages;
  readonly #page: Pfn;
  readonly #entryBytes: number;
  #produced = 0;

  constructor(pages: HostilePages, n: number, entryBytes: number) {
    this.#pages = pages;
    this.#page = pages.pages[n]!;
    this.#entryBytes = entryBytes;
  }

  put(words: Uint32Array): void {
    const n = this.#produced & (ringSize(this.#entryBytes) - 1);
    this.#pages.write(this.#page, ringEntriesAt + n * this.#entryBytes, words);
    this.#produced = (this.#produced + 1) >>> 0;
  }

  /** @param by how much the shown index is wrong */
  publish(by = 0): void {
    this.#pages.write(this.#page, RingIndex.reqProd, Uint32Array.of((this.#produced + by) >>> 0));
  }

  restart(): void {
    this.#produced = 0;
  }
}
