/** All that a unit remembers of tables in memory. */
import type { MachineState } from "../../../state/machine_state.js";
import { EntryCache } from "./entry_cache.js";
import { Iotlb } from "./iotlb.js";
import { TableCache } from "./table_cache.js";

/** How many entries each cache holds. */
export interface CacheSizes {
  readonly devices: number;
  readonly spaces: number;
  readonly tables: number;
  readonly translations: number;
}

/** Two of each are enough to see every stale entry that more would show; a machine that only runs may have more. */
export const smallCaches: Readonly<CacheSizes> = { devices: 2, spaces: 2, tables: 2, translations: 2 };

export class UnitCaches {
  readonly devices: EntryCache;
  readonly spaces: EntryCache;
  readonly tables: TableCache;
  readonly translations: Iotlb;

  /** @param name of the unit */
  constructor(state: MachineState, sizes: CacheSizes, name: string) {
    this.devices = new EntryCache(state, { name: `${name} device cache`, count: sizes.devices });
    this.spaces = new EntryCache(state, { name: `${name} address-space cache`, count: sizes.spaces });
    this.tables = new TableCache(state, sizes.tables, `${name} paging-structure cache`);
    this.translations = new Iotlb(state, sizes.translations, `${name} IOTLB`);
  }

  /** All of it. */
  forget(): void {
    this.devices.invalidate({});
    this.spaces.invalidate({});
    this.tables.invalidate({});
    this.translations.invalidate({});
  }
}
