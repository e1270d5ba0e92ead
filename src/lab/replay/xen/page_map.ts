/**
 * A domain's P2M over the time of a recording: the dump from before it, and every change that a probe shows.
 *
 * A frame is known when something says it, and when nothing that was seen could have changed it since; otherwise the
 * answer is why it is not known.
 */
import { FrameKind, type P2mTable } from "../../../read/xen/p2m_file.js";

/** Why the frame behind a page is not known. */
export const Unknown = {
  /** No P2M was given. */
  noFile: 0,
  /** The P2M ends before this page. */
  outside: 1,
  /** The P2M has nothing there, so that a grant was mapped; the recording has no probes of grants. */
  grantsNotRecorded: 2,
  /** The same, and the recording has such probes: mapped before it began, or in a way without a probe. */
  grantNotSeen: 3,
  /** Mapped in a batch of more grants than its probe shows. */
  batchCut: 4,
  /** The dumps before and after differ here, and no probe shows when it changed. */
  changedUnseen: 5,
  /** Events were lost, and the page may have changed meanwhile. */
  lost: 6,
  /** An IOMMU or a bridge translates as well, so that the address does not tell whose the page is. */
  translated: 7,
} as const;
export type Unknown = (typeof Unknown)[keyof typeof Unknown];

export const unknownNames: readonly string[] = [
  "no-p2m",
  "outside-p2m",
  "grants-not-recorded",
  "grant-not-seen",
  "batch-cut",
  "changed-unseen",
  "events-lost",
  "translated",
];

/** Pages whose changes are kept; a domain has fewer at once. */
const changedMax = 4_000_000;

/** The frames behind a domain's pages, at the moment to which a recording has been read. */
export interface Pages {
  /** What the last `look` found. `why` counts only where `mfn` is NaN. */
  readonly kind: FrameKind;
  readonly mfn: number;
  readonly why: Unknown;
  /** A probe shows what stands behind a page from now on. @param mfn NaN when it is not shown, or nothing is there. */
  set(pfn: number, kind: FrameKind, mfn: number): void;
  /** Grants were mapped to pages that the probe does not show. */
  cut(): void;
  /** Events were lost. */
  lose(): void;
  /**
   * Look a page up. @param seen frame that a mapping of the page shows; NaN when none does
   * @returns its machine frame, NaN when it is not known; `kind` and `why` tell more.
   */
  look(pfn: number, seen?: number): number;
}

export class PageMap implements Pages {
  /** What the last `look` found. `why` counts only where `mfn` is NaN. */
  kind: FrameKind = FrameKind.unknown;
  mfn = Number.NaN;
  why: Unknown = Unknown.noFile;
  readonly #before: P2mTable | null;
  readonly #after: P2mTable | null;
  /** Pages that a probe shows changing, over the whole recording. */
  readonly #changing: { has(pfn: number): boolean };
  readonly #grantsShown: boolean;
  readonly #kinds = new Map<number, FrameKind>();
  readonly #frames = new Map<number, number>();
  #lost = false;
  /** A grant was mapped whose page is not known: any page with nothing behind it may be the one. */
  #cut = false;

  /**
   * @param o.before dump of the P2M from before the recording
   * @param o.after  one from after it
   * @param o.changing pages that some probe of the recording changes
   * @param o.grantsShown whether the recording has the probes of grants
   */
  constructor(o: {
    readonly before: P2mTable | null;
    readonly after: P2mTable | null;
    readonly changing: { has(pfn: number): boolean };
    readonly grantsShown: boolean;
  }) {
    this.#before = o.before;
    this.#after = o.after;
    this.#changing = o.changing;
    this.#grantsShown = o.grantsShown;
  }

  /** A probe shows what stands behind a page from now on. @param mfn NaN when it is not shown, or nothing is there. */
  set(pfn: number, kind: FrameKind, mfn: number): void {
    if (this.#kinds.size >= changedMax && !this.#kinds.has(pfn)) return;
    this.#kinds.set(pfn, kind);
    this.#frames.set(pfn, mfn);
  }

  /** Grants were mapped to pages that the probe does not show. */
  cut(): void {
    this.#cut = true;
  }

  /** Events were lost: which grants are mapped is not known any more. */
  lose(): void {
    this.#lost = true;
    for (const [pfn, kind] of this.#kinds) {
      if (kind === FrameKind.local || kind === FrameKind.identity) continue;
      this.#kinds.delete(pfn);
      this.#frames.delete(pfn);
    }
  }

  /** Look a page up. @returns its machine frame, NaN when it is not known; `kind` and `why` tell more. */
  look(pfn: number): number {
    const changed = this.#kinds.get(pfn);
    if (changed !== undefined) {
      this.kind = changed;
      this.mfn = changed === FrameKind.invalid ? Number.NaN : this.#frames.get(pfn)!;
      this.why = this.#whyNothing(Unknown.batchCut);
      return this.mfn;
    }
    const dump = this.#before ?? this.#after;
    this.kind = dump?.kind(pfn) ?? FrameKind.unknown;
    this.mfn = dump?.frame(pfn) ?? Number.NaN;
    if (Number.isNaN(this.mfn)) {
      this.why = this.#whyNothing(dump === null ? Unknown.noFile : Unknown.outside);
      return this.mfn;
    }
    if (this.#lost && this.kind === FrameKind.foreign) this.#forget(Unknown.lost);
    else if (this.#doubted(pfn)) this.#forget(Unknown.changedUnseen);
    return this.mfn;
  }

  #whyNothing(otherwise: Unknown): Unknown {
    if (this.kind !== FrameKind.invalid) return otherwise;
    if (this.#lost) return Unknown.lost;
    if (this.#cut) return Unknown.batchCut;
    return this.#grantsShown ? Unknown.grantNotSeen : Unknown.grantsNotRecorded;
  }

  /** Whether a dump says something else than the one that was looked at, and no probe shows why. */
  #doubted(pfn: number): boolean {
    if (this.#before === null) return this.#changing.has(pfn);
    if (this.#after === null || this.#changing.has(pfn)) return false;
    return this.#after.kind(pfn) !== this.kind || this.#after.frame(pfn) !== this.mfn;
  }

  #forget(why: Unknown): void {
    this.kind = FrameKind.unknown;
    this.mfn = Number.NaN;
    this.why = why;
  }
}
