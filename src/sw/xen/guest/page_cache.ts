/**
 * Pages for foreign frames, kept by a back end between requests: the last given back is the first taken.
 * Source: Linux drivers/xen/grant-table.c (gnttab_page_cache_get, _put, _shrink).
 */
import type { Pfn } from "../../../base/frame.js";

/** Where pages without frames come from and go to. */
export interface PageSource {
  take(count: number): Pfn[] | null;
  give(pages: readonly Pfn[]): void;
}

export class PageCache {
  readonly #source: PageSource;
  readonly #pages: Pfn[] = [];

  constructor(source: PageSource) {
    this.#source = source;
  }

  get size(): number {
    return this.#pages.length;
  }

  take(): Pfn | null {
    return this.#pages.pop() ?? this.#source.take(1)?.[0] ?? null;
  }

  give(page: Pfn): void {
    this.#pages.push(page);
  }

  /** Give all but some back to where they came from. */
  shrink(keep: number): void {
    if (this.#pages.length > keep) this.#source.give(this.#pages.splice(keep));
  }
}
