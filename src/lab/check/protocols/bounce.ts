/** What is bounced: the pool, its areas, and what a driver and a device see of a mapping. */
import type { Protocol } from "../protocol.js";

const only = { machine: null } as const;

export const bounceProtocols: readonly Protocol[] = [
  {
    ...{ id: "swiotlb-areas", ...only, title: "slots of the pool are searched, taken and given back" },
    bugs: [
      ...["areas-not-limited", "endless-search", "runs-past-end", "both-masks", "half-page", "no-padding-slots"],
      ...["no-page-rule", "page-unchecked", "used-cleared", "decrypted-pages-freed"],
    ],
  },
  {
    ...{ id: "bounce-and-sync", ...only, title: "a buffer is bounced, synced either way, and unmapped" },
    bugs: [
      ...["sync-wrong-op", "sync-from-start", "stale-bounce", "sync-overwrites", "sync-offset-unsigned"],
      ...["grant-pages-by-size", "limit-without-force", "padding-after-only", "streaming-aligned", "empty-middle"],
      "mmio-message-unset",
    ],
  },
];
