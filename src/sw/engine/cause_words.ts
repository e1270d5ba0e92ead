import type { Cause } from "./mapped.js";

/** Why an engine did what it did, as a sentence. */
export const causeWords: Readonly<Record<Cause, string>> = {
  direct: "reached where it lies",
  translated: "translated page by page; its pages are neighbours on the bus",
  forced: "bounced: every mapping of this kernel is",
  mask: "bounced: it lies above what the device reaches",
  straddle: "bounced: its pages are no neighbours on the bus",
  unaligned: "bounced: it is not aligned on the bus as the kernel asked",
  kmalloc: "bounced: it shares a cache line with other memory, and the device does not see the cache",
  "foreign-noncoherent":
    "bounced: another domain's page, a device that does not see the cache, and no call to clean it",
  untrusted: "bounced: it shares a page with other memory, and the device is not trusted",
  granted: "reached by grants, which are its bus addresses",
  iommu: "translated by an IOMMU",
  mmio: "registers of a device, passed as they are",
};
