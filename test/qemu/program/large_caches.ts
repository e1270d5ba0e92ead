import type { CacheSizes } from "../../../src/hw/iommu/core/caches.js";

/** As QEMU's, which never evicts here: what it still has, ours has. Cached tables, which QEMU has not, may give way. */
export const largeCaches: CacheSizes = { devices: 16, spaces: 16, tables: 8, translations: 512 };
/** The same for one device, five pages and the few tags that an entry has while it is replaced. */
export const cachesOfOneDevice: CacheSizes = { devices: 1, spaces: 1, tables: 8, translations: 32 };
