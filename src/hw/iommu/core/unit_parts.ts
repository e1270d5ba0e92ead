/** What a unit is made of, as its requests see it. */
import type { Memory } from "../../../mem/memory.js";
import type { MachineState } from "../../../state/machine_state.js";
import type { UnitCaches } from "./caches.js";
import type { UnitModel } from "./model.js";

export interface UnitParts {
  readonly state: MachineState;
  readonly memory: Memory;
  readonly model: UnitModel;
  readonly caches: UnitCaches;
  /** Bits of an entry of a device table that are fetched at once. */
  readonly fetchBits: 64 | 128 | 256 | 512;
}
