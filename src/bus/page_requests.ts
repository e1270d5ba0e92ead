/**
 * What travels when a device asks for pages that are not there yet (PRI): requests, and one answer for each group of them.
 *
 * Source: PCI Express 6.0, 10.4 (page request messages, groups, response codes).
 */

/** What became of a group of requests. */
export const PageResponseCode = { success: 0, invalid: 1, failure: 15 } as const;
export type PageResponseCode = (typeof PageResponseCode)[keyof typeof PageResponseCode];

/** One page, wanted. */
export interface PageRequest {
  readonly requester: number;
  /** null: the request carries none. */
  readonly pasid: number | null;
  /** Bits 63:12 of the address. */
  readonly frame: number;
  readonly read: boolean;
  readonly write: boolean;
  /** 0 to 511: requests that are answered together. */
  readonly group: number;
  /** The last one of its group. One that wants neither right marks the end of a PASID's requests: nobody answers it. */
  readonly last: boolean;
}

/** The answer to a group. */
export interface PageGroupAnswer {
  readonly requester: number;
  readonly pasid: number | null;
  readonly group: number;
  readonly code: PageResponseCode;
}
