/** Whose a machine frame is: the domain's own, or another's, and under which number there. */
import type { GuestP2m } from "../../../read/xen/guest_p2m_file.js";
import type { M2pTable } from "../../../read/xen/m2p_file.js";
import { FrameKind, type P2mTable } from "../../../read/xen/p2m_file.js";

export class Owners {
  readonly #p2m: P2mTable | null;
  readonly #m2p: M2pTable | null;
  readonly #guests: readonly GuestP2m[];
  /** The domain's own runs by machine frame. */
  readonly #own: { readonly mfn: number; readonly count: number; readonly pfn: number }[];

  constructor(o: {
    readonly p2m: P2mTable | null;
    readonly m2p: M2pTable | null;
    readonly guests: readonly GuestP2m[];
  }) {
    this.#p2m = o.p2m;
    this.#m2p = o.m2p;
    this.#guests = o.guests;
    this.#own = [...(o.p2m?.mapped() ?? [])]
      .filter((run) => run.kind === FrameKind.local)
      .sort((a, b) => a.mfn - b.mfn);
  }

  /** Whether anything says under which number a frame's owner has it. */
  get knowsNumbers(): boolean {
    return this.#m2p !== null || this.#guests.length > 0;
  }

  /** Whether anything says which frames are the domain's own. */
  get knowsOwn(): boolean {
    return this.#own.length > 0;
  }

  /** @returns the domain's own frame that stands for a machine frame, NaN when none does. */
  ownPfn(mfn: number): number {
    const own = this.#own;
    let low = 0;
    let high = own.length - 1;
    while (low <= high) {
      const mid = (low + high) >> 1;
      const run = own[mid]!;
      if (mfn < run.mfn) high = mid - 1;
      else if (mfn >= run.mfn + run.count) low = mid + 1;
      else return run.pfn + mfn - run.mfn;
    }
    return Number.NaN;
  }

  /** @returns the number that the frame has in its owner, NaN when nothing says it. */
  ownerPfn(mfn: number): number {
    const said = this.#m2p?.owner(mfn) ?? Number.NaN;
    if (!Number.isNaN(said)) return said;
    for (const g of this.#guests) {
      const owner = g.owner(mfn);
      if (owner !== null) return owner.pfn;
    }
    return Number.NaN;
  }

  /** @returns the domain that has the frame, null when no guest's dump holds it. */
  domainOf(mfn: number): number | null {
    for (const g of this.#guests) {
      const owner = g.owner(mfn);
      if (owner !== null) return owner.domain;
    }
    return null;
  }

  /** @returns whether a frame is another domain's; null when no P2M says which are this one's. */
  isForeign(mfn: number): boolean | null {
    return this.#p2m === null ? null : Number.isNaN(this.ownPfn(mfn));
  }
}
