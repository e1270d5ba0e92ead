/**
 * The pages of a domain that is mapped directly: its own have the machine's numbers, and those of others, which grants
 * brought, are kept in a tree. What the tree does not hold is the frame of its own number.
 *
 * The tree at a moment is known where a dump from before the recording and the probes of all changes are there. Where they
 * are not, a mapping's own address tells: another frame than the page's number can only be foreign.
 * Source: Linux arch/arm/xen/p2m.c (__pfn_to_mfn, __set_phys_to_machine_multi).
 */
import { FrameKind, type P2mTable } from "../../../read/xen/p2m_file.js";
import { type Pages, Unknown } from "./page_map.js";

const pagesMax = 4_000_000;

export class PageTree implements Pages {
  kind: FrameKind = FrameKind.unknown;
  mfn = Number.NaN;
  why: Unknown = Unknown.noFile;
  readonly #before: P2mTable | null;
  readonly #after: P2mTable | null;
  /** Whether every change is shown. */
  readonly #shown: boolean;
  readonly #shifted: boolean;
  /** Pages that were in the tree before the recording, as their first change shows. */
  readonly #endedFirst: { has(pfn: number): boolean };
  /** What probes have shown of a page since: its foreign frame, NaN for one that is not shown, -1 for none. */
  readonly #changed = new Map<number, number>();
  /** Pages of each foreign frame that is in the tree now, as far as known. */
  readonly #pagesOf = new Map<number, number>();
  #lost = false;
  #cut = false;

  constructor(o: {
    readonly before: P2mTable | null;
    readonly after: P2mTable | null;
    readonly shown: boolean;
    readonly endedFirst: { has(pfn: number): boolean };
    /** Whether another frame than a page's own may be no foreign one: something else translates. */
    readonly shifted: boolean;
  }) {
    this.#shifted = o.shifted;
    this.#before = o.before;
    this.#after = o.after;
    this.#shown = o.shown;
    this.#endedFirst = o.endedFirst;
    for (const run of o.before?.mapped() ?? []) {
      for (let k = 0; k < Math.min(run.count, pagesMax); k++) this.#pagesOf.set(run.mfn + k, run.pfn + k);
    }
  }

  set(pfn: number, kind: FrameKind, mfn: number): void {
    const old = this.#changed.get(pfn) ?? this.#before?.frame(pfn) ?? Number.NaN;
    if (this.#pagesOf.get(old) === pfn) this.#pagesOf.delete(old);
    if (this.#changed.size >= pagesMax && !this.#changed.has(pfn)) return;
    const foreign = kind !== FrameKind.invalid;
    this.#changed.set(pfn, foreign ? mfn : -1);
    if (foreign && mfn >= 0) this.#pagesOf.set(mfn, pfn);
  }

  cut(): void {
    this.#cut = true;
  }

  lose(): void {
    this.#lost = true;
    this.#changed.clear();
    this.#pagesOf.clear();
  }

  /** @returns the page that stands for a machine frame in the tree now, NaN when none is known to. */
  pageOf(mfn: number): number {
    return this.#pagesOf.get(mfn) ?? Number.NaN;
  }

  /** @returns whether a page is in the tree now; null when that is not known. */
  holds(pfn: number): boolean | null {
    const changed = this.#changed.get(pfn);
    if (changed !== undefined) return changed !== -1;
    if (this.#lost || this.#cut || this.#before === null || !this.#shown) return null;
    return !Number.isNaN(this.#before.frame(pfn));
  }

  look(pfn: number, seen = Number.NaN): number {
    const changed = this.#changed.get(pfn);
    if (changed !== undefined) return changed === -1 ? this.#own(pfn) : this.#foreign(changed, Unknown.batchCut);
    const dumped = this.#lost ? Number.NaN : (this.#before?.frame(pfn) ?? Number.NaN);
    if (!Number.isNaN(dumped) && (this.#shown || this.#stays(pfn, dumped))) {
      return this.#foreign(dumped, Unknown.changedUnseen);
    }
    if (this.#endedFirst.has(pfn) && !this.#lost) return this.#foreign(Number.NaN, Unknown.grantNotSeen);
    if (this.holds(pfn) === false) return this.#own(pfn);
    return this.#bySeen(pfn, seen);
  }

  /** Whether the dumps from before and after agree on a page, so that without probes it is taken to have stayed. */
  #stays(pfn: number, mfn: number): boolean {
    return this.#after?.frame(pfn) === mfn;
  }

  /** Nothing says whether the page is in the tree, but a mapping of it does. */
  #bySeen(pfn: number, seen: number): number {
    if (seen === pfn) return this.#own(pfn);
    const because = this.#lost
      ? Unknown.lost
      : this.#cut
        ? Unknown.batchCut
        : this.#shown
          ? Unknown.grantNotSeen
          : Unknown.grantsNotRecorded;
    if (!Number.isNaN(seen) && this.#shifted) return this.#is(FrameKind.unknown, Number.NaN, Unknown.translated);
    if (!Number.isNaN(seen)) return this.#foreign(Number.NaN, because);
    return this.#is(FrameKind.unknown, Number.NaN, because);
  }

  #own(pfn: number): number {
    return this.#is(FrameKind.local, pfn, Unknown.noFile);
  }

  #foreign(mfn: number, why: Unknown): number {
    return this.#is(FrameKind.foreign, mfn, why);
  }

  #is(kind: FrameKind, mfn: number, why: Unknown): number {
    this.kind = kind;
    this.mfn = mfn;
    this.why = why;
    return mfn;
  }
}
