/**
 * A block of registers: by offset, as software sees it; by name, as the hardware that has it.
 *
 * What a register does by itself when it is read or written is data: read-only, cleared by writing ones, cleared by being
 * read. What the hardware does about a write is the hardware's: it is told which register was written.
 */
import { assert, Misuse } from "../base/assert.js";
import type { Register, RegisterMap } from "../bits/register_map.js";
import { MachineState } from "../state/machine_state.js";
import { type CellArray, cells, record } from "../state/record.js";

/** Registers as software sees them: the one door, besides memory and interrupts, between software and hardware. */
export interface Registers {
  /** @param offset bytes from the base of the block, a multiple of 4. */
  read32(offset: number): number;
  write32(offset: number, value: number): void;
}

export interface RegisterFileOptions {
  /** Where the values are kept; a machine that is explored gives its own. */
  readonly state?: MachineState;
  /** Name of the block in that state. */
  readonly name?: string;
  /** Software wrote a register; its value stands in the block already. */
  readonly written?: (register: Register) => void;
}

/** The block of one device. */
export class RegisterFile<Name extends string = string> implements Registers {
  readonly map: RegisterMap<Name>;
  readonly #words: CellArray;
  /** The register that a word belongs to; undefined where there is none. */
  readonly #at: (Register | undefined)[];
  readonly #written: ((register: Register) => void) | undefined;

  constructor(map: RegisterMap<Name>, o: RegisterFileOptions = {}) {
    this.map = map;
    this.#written = o.written;
    const type = record(o.name ?? `${map.title} registers`, { words: cells(map.byteCount / 4, "by offset / 4") });
    this.#words = (o.state ?? new MachineState()).place(type).words;
    this.#at = new Array<Register | undefined>(map.byteCount / 4).fill(undefined);
    for (const r of Object.values<Register>(map.registers)) {
      for (let at = r.offset; at < r.offset + r.bytes; at += 4) this.#at[at / 4] = r;
    }
    this.reset();
  }

  /** Every register as it is after a reset. */
  reset(): void {
    for (const r of Object.values<Register>(this.map.registers)) this.#set(r, r.reset);
  }

  /** Where no register is zeros are read. @throws Misuse `outside-registers`. */
  read32(offset: number): number {
    const r = this.#registerAt(offset);
    const value = this.#words.get(offset / 4);
    if (r?.access === "clearedByRead") this.#words.set(offset / 4, 0);
    return value;
  }

  /** Where no register is, or one that is read-only, nothing happens. @throws Misuse `outside-registers`. */
  write32(offset: number, value: number): void {
    const r = this.#registerAt(offset);
    if (r === undefined || r.access === "ro" || r.access === "clearedByRead") return;
    const at = offset / 4;
    this.#words.set(at, (r.access === "rw1c" ? this.#words.get(at) & ~value : value) >>> 0);
    this.#written?.(r);
  }

  /** What the hardware finds in a register. @throws Broken beyond 2^53. */
  get(name: Name): number {
    const r = this.map.registers[name];
    const low = this.#words.get(r.offset / 4);
    if (r.bytes === 4) return low;
    const high = this.#words.get(r.offset / 4 + 1);
    assert(high < 2 ** 21, "a register's value is below 2^53");
    return low + high * 2 ** 32;
  }

  /** The hardware changes a register. */
  set(name: Name, value: number): void {
    this.#set(this.map.registers[name], value);
  }

  /**
   * Take over values that a machine had, by offset from the base of the block: 8 bytes each, as two halves.
   * Values where this block has no register are passed over.
   */
  load(values: Iterable<{ readonly offset: number; readonly low: number; readonly high: number }>): void {
    for (const { offset, low, high } of values) {
      for (const [at, word] of [
        [offset, low],
        [offset + 4, high],
      ] as const) {
        if (at % 4 === 0 && this.#at[at / 4] !== undefined) this.#words.set(at / 4, word >>> 0);
      }
    }
  }

  #set(r: Register, value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "a register holds a whole number");
    this.#words.set(r.offset / 4, value >>> 0);
    if (r.bytes === 8) this.#words.set(r.offset / 4 + 1, Math.floor(value / 2 ** 32));
    else assert(value < 2 ** 32, "a register of 32 bits holds 32 bits");
  }

  #registerAt(offset: number): Register | undefined {
    if (!(offset >= 0 && offset % 4 === 0 && offset < this.map.byteCount)) {
      throw new Misuse("outside-registers", `${this.map.title} has no 32 bits at offset ${offset}`);
    }
    return this.#at[offset / 4];
  }
}
