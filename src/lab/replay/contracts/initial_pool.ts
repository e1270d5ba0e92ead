/** How a pool stood when the recording began. */

/** An allocation that was alive before the recording began. */
export interface Held {
  /** Bytes from the pool's start, padding skipped, kept low bits not known. */
  readonly offset: number;
  /** Physical address of the buffer; NaN when the dump does not say it. */
  readonly orig: number;
  readonly size: number;
  readonly slots: number;
}

export interface InitialPool {
  readonly held: readonly Held[];
  /** By area: where the next search begins. */
  readonly indexes: readonly number[];
  readonly hiwater: number | null;
  /** Bounces that the state was learnt from: a model that begins with it has not predicted these. */
  readonly learnt: readonly { readonly time: number; readonly offset: number }[];
}
