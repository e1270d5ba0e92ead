/** An SMMUv3 as its registers stand, in the words of who reads its tables. */
import { read } from "../../../bits/field.js";
import {
  addressBits,
  Cr0,
  GlobalBypass,
  Idr1,
  Idr5,
  StreamTableBase,
  StreamTableConfig,
} from "../../../spec/smmuv3/registers.js";
import type { UnitRoot } from "../../../table/device/index.js";
import { smmuAbilities } from "../../../table/device/smmuv3_identification.js";
import type { SmmuRegisters } from "./registers.js";

/** Values of SPLIT; others count as the first. */
const splits: readonly number[] = [6, 8, 10];

/** Two-level stream tables: FMT is 1, and others count as linear. */
export const isTwoLevel = (registers: SmmuRegisters) => registers.read("strtabBaseCfg", StreamTableConfig.fmt) === 1;

/** Bits of the addresses that the unit gives. */
export const outputBits = (registers: SmmuRegisters) => Math.min(addressBits[registers.read("idr5", Idr5.oas)]!, 52);

/** The unit as its registers stand, made anew when one of them that says so is another. */
export class SmmuRoots {
  readonly #registers: SmmuRegisters;
  /** STRTAB_BASE, both words, STRTAB_BASE_CFG, CR0ACK and GBPA, of which it was made. */
  readonly #made = new Uint32Array(5);
  readonly #now = new Uint32Array(5);
  #root: UnitRoot | null = null;

  constructor(registers: SmmuRegisters) {
    this.#registers = registers;
  }

  get root(): UnitRoot {
    const [registers, now, made] = [this.#registers, this.#now, this.#made];
    registers.read64(registers.map.registers.strtabBase.offset, now);
    now[2] = registers.get("strtabBaseCfg");
    now[3] = registers.get("cr0ack");
    now[4] = registers.get("gbpa");
    if (this.#root === null || now.some((word, n) => word !== made[n])) {
      made.set(now);
      this.#root = smmuRoot(registers);
    }
    return this.#root;
  }
}

export function smmuRoot(registers: SmmuRegisters): UnitRoot {
  const base = new Uint32Array(2);
  registers.read64(registers.map.registers.strtabBase.offset, base);
  const split = registers.read("strtabBaseCfg", StreamTableConfig.split);
  const log2size = registers.read("strtabBaseCfg", StreamTableConfig.log2size);
  const words = { idr0: registers.get("idr0"), idr1: registers.get("idr1") };
  const abilities = smmuAbilities({ ...words, idr3: registers.get("idr3"), idr5: registers.get("idr5") });
  return {
    kind: "smmuv3",
    mode: isTwoLevel(registers) ? "two-level" : "linear",
    root: read(base, 0, StreamTableBase.addr) * 64,
    size: Math.min(log2size, registers.read("idr1", Idr1.sidSize), 32),
    split: isTwoLevel(registers) ? (splits.includes(split) ? split : splits[0]!) : 0,
    registersAt: null,
    translating: registers.read("cr0ack", Cr0.smmuen) === 1,
    interruptRemapping: null,
    interruptTable: null,
    outputBits: outputBits(registers),
    found: "registers",
    segment: 0,
    abilities: { ...abilities, abortsWhenOff: registers.read("gbpa", GlobalBypass.abort) === 1 },
  };
}
