/** What a back end tells of a request that it refuses. */

/** A request that was answered with an error, or a ring that is not read any more, and why. */
export interface RequestRefusal {
  /** The domain that asked. */
  readonly domain: number;
  /** Which check it was: the same text for all that fail it. */
  readonly kind: string;
  /** In words, with the figures of this one. */
  readonly why: string;
}
