/**
 * What travels between a unit and a device that has a TLB of its own, besides requests: invalidations and their answers.
 *
 * Source: PCI Express 6.0, 10.3.
 */

/** Forget translations. */
export interface InvalidateRequest {
  /** 0 to 31; the answer names it. */
  readonly tag: number;
  /** null: of requests without PASID. */
  readonly pasid: number | null;
  /** Of all PASIDs. */
  readonly global: boolean;
  /** First frame, and how many; a power of two. */
  readonly frame: number;
  readonly frameCount: number;
}

/** A device as its unit sees it. */
export interface DeviceTlb {
  invalidate(request: InvalidateRequest): void;
}

/** A unit as a device with a TLB answers it. */
export interface InvalidationSink {
  /**
   * One completion message.
   * @param o.tags a bit for each tag that it answers @param o.count answers that each of them gets: 0 = 8
   */
  completed(o: { readonly requester: number; readonly tags: number; readonly count: number }): void;
}
