/**
 * Grants of a domain that is mapped directly: every change of its tree is one call, which a probe shows; without that
 * probe the operations themselves tell, by the domain's own address at which each is mapped.
 *
 * Source: Linux arch/arm/xen/p2m.c, set_foreign_p2m_mapping, clear_foreign_p2m_mapping.
 */
import { frameBytes } from "../../../base/frame.js";
import { type EventBatch, EventKind } from "../../../read/event.js";
import { FrameKind, type P2mTable } from "../../../read/xen/p2m_file.js";
import { framesOf } from "./first_look.js";
import { aliveList, domainIn, type GrantBook } from "./grants.js";
import type { PageTree } from "./page_tree.js";

const pageBytes = frameBytes;
/** A page, a frame or a grant that no event shows: it equals none, and what is counted on from it is not known either. */
const notKnown = Number.NaN;
/** Operations whose change of the tree has not come yet; they are followed by it at once. */
const awaitedMax = 100_000;

export class TreeGrants implements GrantBook {
  mapped = 0;
  failed = 0;
  unmapped = 0;
  notShown = 0;
  unmappedUnseen = 0;
  readonly aliveBefore: number;
  readonly #tree: PageTree;
  readonly #framesShown: boolean;
  readonly #endsIn: EventKind;
  readonly #alive = new Map<number, { readonly mfn: number; readonly granted: number }>();
  /** Who granted what at a page that is about to be mapped. */
  readonly #granted = new Map<number, number>();

  /**
   * @param shown.frames whether every change of the tree has its event
   * @param shown.ends   whether the operations that unmap grants have; else their pages are taken
   */
  constructor(tree: PageTree, before: P2mTable | null, shown: { readonly frames: boolean; readonly ends: boolean }) {
    this.#tree = tree;
    this.#framesShown = shown.frames;
    this.#endsIn = shown.ends ? EventKind.xenUngrants : EventKind.xenUngrantPages;
    for (const run of before?.mapped() ?? []) {
      for (let k = 0; k < run.count; k++) this.#alive.set(run.pfn + k, { mfn: run.mfn + k, granted: notKnown });
    }
    this.aliveBefore = this.#alive.size;
  }

  see(b: EventBatch, i: number): void {
    const kind = b.kind[i];
    if (kind === EventKind.xenGrants) this.#operations(b, i);
    else if (kind === EventKind.xenFrame) this.#frames(b, i);
    else if (kind === this.#endsIn && !this.#framesShown) this.#ended(b, i);
    else if (kind === EventKind.lost) this.#granted.clear();
  }

  domainOf(pfn: number): number | null {
    return domainIn(this.#alive.get(pfn)?.granted ?? notKnown);
  }

  get aliveCount(): number {
    return this.#alive.size;
  }

  alive() {
    return aliveList(this.#alive);
  }

  #operations(b: EventBatch, i: number): void {
    const count = b.dmaCount[i]!;
    const places = b.physFirst[i]! + count;
    for (let k = 0; k < count; k++) {
      const pfn = k < b.physCount[i]! - count ? b.listPhys[places + k]! / pageBytes : notKnown;
      if (b.listSize[b.dmaFirst[i]! + k] !== 0) {
        this.failed++;
        continue;
      }
      if (this.#granted.size < awaitedMax) this.#granted.set(pfn, b.listPhys[b.physFirst[i]! + k]!);
      if (this.#framesShown) continue;
      if (Number.isNaN(pfn)) this.#hidden(1);
      else this.#add(pfn, Math.floor(b.listDma[b.dmaFirst[i]! + k]! / pageBytes));
    }
    if (!this.#framesShown) this.#hidden(b.physTotal[i]! - count);
  }

  #frames(b: EventBatch, i: number): void {
    const first = b.phys[i]! / pageBytes;
    const mfn = b.dma[i] === -1 ? notKnown : b.dma[i]! / pageBytes;
    for (let k = 0; k < framesOf(b, i); k++) {
      if (Number.isNaN(mfn)) this.#remove(first + k);
      else this.#add(first + k, mfn + k);
    }
  }

  #ended(b: EventBatch, i: number): void {
    for (let k = 0; k < b.physCount[i]!; k++) {
      const pfn = b.listPhys[b.physFirst[i]! + k]! / pageBytes;
      if (Number.isNaN(pfn)) this.#hidden(1);
      else this.#remove(pfn);
    }
    this.#hidden(b.physTotal[i]! - b.physCount[i]!);
  }

  /** A page has changed that is not known. */
  #hidden(count: number): void {
    if (count <= 0) return;
    this.notShown += count;
    this.#tree.cut();
  }

  #add(pfn: number, mfn: number): void {
    this.mapped++;
    this.#tree.set(pfn, FrameKind.foreign, mfn);
    this.#alive.set(pfn, { mfn, granted: this.#granted.get(pfn) ?? notKnown });
    this.#granted.delete(pfn);
  }

  #remove(pfn: number): void {
    if (this.#alive.delete(pfn)) this.unmapped++;
    else this.unmappedUnseen++;
    this.#tree.set(pfn, FrameKind.invalid, notKnown);
  }
}
