/** Devices that come to domains and leave them while others map, unmap, reset, or give ids away. */
import type { Protocol } from "../protocol.js";

export const attachmentProtocols: readonly Protocol[] = [
  {
    id: "attach-while-unmap",
    title: "a device is attached or detached while a page of its domain is unmapped",
    machine: null,
    bugs: [
      ...["attach-window", "detach-window", "listed-before-ats", "unlisted-before-flush", "tag-dropped-twice"],
      ...["deassign-stops-early", "no-blocking-domain", "reset-refuses-detach", "pasid-removed-twice"],
      ...["torn-down-first", "handed-back-in-flight", "requests-outlive-their-queue", "asked-of-the-new-entry"],
    ],
  },
  {
    id: "nested-replace",
    title: "a guest's tables come and go under a host's",
    machine: null,
    bugs: ["nested-not-noted", "nested-id-recycled", "nested-old-id-kept", "guest-levels-through-invalid"],
  },
  {
    id: "did-recycling",
    title: "the id of a domain serves again",
    machine: null,
    bugs: ["id-forgotten-late", "error-taken-for-an-id"],
  },
  {
    id: "alias-group",
    title: "a device sends by several ids, or shares one",
    machine: null,
    bugs: ["alias-cleared", "alias-from-another", "phantom-left"],
  },
  {
    id: "direct-region-reassign",
    title: "a device with regions that firmware wants mapped goes from domain to domain",
    machine: null,
    bugs: [
      ...["region-by-way-of-nothing", "region-unmapped", "region-mapped-behind", "region-blocked"],
      "identity-untracked",
    ],
  },
];
