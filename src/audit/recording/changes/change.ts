/** What the domain changes of a recording answer. Times are seconds of the recording's clock. */

/** What translated a device's requests. */
export interface Side {
  /** "none": it belonged to no domain. "untagged": identity or blocked, nothing tells which. "unknown": nothing tells. */
  readonly kind: "translated" | "identity" | "blocked" | "none" | "untagged" | "unknown";
  /** The domain's number in its unit; null where no event shows it. */
  readonly domain: number | null;
}

/** How long nothing served the device's requests, as far as events show it, seconds. */
export interface Gap {
  readonly atLeast: number;
  /** null where no event shows when the old domain ended. */
  readonly atMost: number | null;
}

export interface DomainChange {
  /** When the change was complete, and when its first event was written. */
  readonly time: number;
  readonly began: number;
  /** null where no event names it. */
  readonly device: string | null;
  /** 0: of requests without a PASID. */
  readonly pasid: number;
  /** "torn down": what translated was taken away, and no attaching is recorded after it. */
  readonly how: "attach" | "release" | "PASID" | "torn down";
  readonly from: Side;
  readonly to: Side;
  readonly gap: Gap | null;
  /** Why no gap is told; null where one is. */
  readonly gapNote: string | null;
  /** What the unit was asked to forget in between, in this order. */
  readonly asked: readonly string[];
  /** Whether that is the order that hardware asks for. */
  readonly order: "kept" | "broken" | "unknown";
  /** What is broken, or why it is unknown. */
  readonly orderNote: string | null;
  /** Mappings of the old domain's that were seen to begin and not to end, when the change was complete; no direct ones. */
  readonly mapped: number;
  /** What was mapped and unmapped for the device during the change. */
  readonly maps: number;
  readonly unmaps: number;
}

export interface DomainChanges {
  /** Devices that were given their first domain, as far as the recording goes back. */
  readonly first: number;
  /** All others. */
  readonly count: number;
  readonly broken: number;
  /** In order of time; the first ones of them. */
  readonly changes: readonly DomainChange[];
  /** Numbers of domains that served again after their last device had gone. */
  readonly again: {
    readonly count: number;
    /** Those that caches were told to forget in between; those that they were not, and the recording proves it. */
    readonly covered: number;
    readonly broken: number;
    readonly unknown: readonly { readonly count: number; readonly why: string }[];
  };
}
