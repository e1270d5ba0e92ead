/** What guests and the hypervisor do with each other's pages. Their programs are run in every order, not state by state. */
import type { Protocol } from "../protocol.js";

const only = { machine: null } as const;

export const guestProtocols: readonly Protocol[] = [
  {
    ...{ id: "foreign-page", ...only, title: "another domain's page is mapped for DMA, and bounces or does not" },
    bugs: [
      ...["foreign-by-phys", "masked-local-test", "round-trip-only", "loop-back", "restore-window"],
      ...["tree-root-unlocked", "zero-for-error"],
    ],
  },
  {
    ...{ id: "grant-map-unmap", ...only, title: "two processors map and unmap one grant, in both halves" },
    bugs: [
      ...["bits-cleared-early", "bits-cleared-with-device-pins", "handle-freed-twice"],
      ...["zero-address-drops-references", "device-count-on-half-unmap", "batch-errors-ignored", "positive-status"],
      ...["shared-entry-after-pin", "test-then-free", "rest-of-page-leaked"],
    ],
  },
  {
    ...{ id: "grant-version-switch", ...only, title: "a grant table changes its version while it is used" },
    bugs: [
      ...["status-pages-listed", "status-freed-while-mapped", "status-capacity-units"],
      "version-unchecked-after-relock",
    ],
  },
  {
    ...{ id: "grant-transfer", ...only, title: "pages change hands, by transfer, swap or exchange" },
    bugs: ["swap-unbounded", "exchange-progress-unchecked"],
  },
  {
    ...{ id: "contiguous-region", ...only, title: "memory is made contiguous in the machine, and given back" },
    bugs: [
      ...["free-keeps-region", "region-never-given-back", "free-destroys-all", "handle-not-set"],
      ...["stub-without-handle", "unaligned-exchange", "contiguous-order-limit", "bus-of-32-bits"],
    ],
  },
];
