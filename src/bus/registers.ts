/**
 * A block of registers: by offset, as software sees it; by name, as the hardware that has it.
 *
 * What a register does by itself when it is read or written is data: read-only, cleared by writing ones, cleared by being
 * read. What the hardware does about a write is the hardware's: it is told which register was written.
 */

import { assert, Misuse } from "../base/assert.js";
import { u64, u64High, u64Low } from "../base/u64.js";
import { type Field, highWith, lowWith, read } from "../bits/field.js";
import type { Register, RegisterMap } from "../bits/register_map.js";
import { MachineState } from "../state/machine_state.js";
import type { CellArray } from "../state/record.js";
import { type RegisterCells, registerCells } from "./register_cells.js";

/** Registers as software sees them: the one door, besides memory and interrupts, between software and hardware. */
export interface Registers {
  /** @param offset bytes from the base of the block, a multiple of 4. */
  read32(offset: number): number;
  write32(offset: number, value: number): void;
}

/** Registers of a block that is reached 64 bits at once, too. */
export interface WideRegisters extends Registers {
  /** One load of two words. @param offset a multiple of 8 */
  read64(offset: number, into: Uint32Array): void;
  /** One store of two words: the hardware is told when both stand. @param offset a multiple of 8 */
  write64(offset: number, low: number, high: number): void;
}

export interface RegisterFileOptions {
  /** Where the values are kept; a machine that is explored gives its own. */
  readonly state?: MachineState;
  /** Name of the block in that state. */
  readonly name?: string;
  /**
   * Whether the hardware takes what software writes now: many registers may only be changed while what they rule is off.
   * Asked for each word of 32 bits. Left out: it takes all.
   * @param word 0 = the low one @param value as software wrote it
   */
  readonly takes?: (register: Register, word: 0 | 1, value: number) => boolean;
  /** Software wrote a register; its value stands in the block already. Not told of what was not taken. */
  readonly written?: (register: Register) => void;
}

/** The block of one device. */
export class RegisterFile<Name extends string = string> implements WideRegisters {
  readonly map: RegisterMap<Name>;
  readonly #cells: RegisterCells;
  readonly #words: CellArray;
  readonly #takes: RegisterFileOptions["takes"];
  readonly #written: ((register: Register) => void) | undefined;
  /** Two words of one register, for the fields that are read of it. */
  readonly #pair = new Uint32Array(2);

  constructor(map: RegisterMap<Name>, o: RegisterFileOptions = {}) {
    this.map = map;
    this.#takes = o.takes;
    this.#written = o.written;
    this.#cells = registerCells(map);
    const { type } = this.#cells;
    this.#words = (o.state ?? new MachineState()).place(type, o.name ?? type.name).words;
    this.reset();
  }

  /** Every register as it is after a reset. */
  reset(): void {
    for (const r of Object.values<Register>(this.map.registers)) this.#put(r, r.reset[0], r.reset[1]);
  }

  /** Where no register is zeros are read. @throws Misuse `outside-registers`. */
  read32(offset: number): number {
    const index = this.#indexOf(offset, 4);
    return index < 0 ? 0 : this.#load(index);
  }

  /** @throws Misuse `outside-registers`. */
  read64(offset: number, into: Uint32Array): void {
    const [low, high] = [this.#indexOf(offset, 8), this.#indexOf(offset + 4, 4)];
    into[0] = low < 0 ? 0 : this.#load(low);
    into[1] = high < 0 ? 0 : this.#load(high);
  }

  /** Where no register is, or one that is read-only, nothing happens. @throws Misuse `outside-registers`. */
  write32(offset: number, value: number): void {
    const index = this.#indexOf(offset, 4);
    if (index < 0) return;
    const r = this.#cells.registerOf[index]!;
    if (this.#store(r, index, offset === r.offset ? 0 : 1, value)) this.#written?.(r);
  }

  /** Two registers of 32 bits that lie there are written one after the other. @throws Misuse `outside-registers`. */
  write64(offset: number, low: number, high: number): void {
    const [at, after] = [this.#indexOf(offset, 8), this.#indexOf(offset + 4, 4)];
    const r = this.#cells.registerOf[at];
    if (r?.bytes === 8) {
      const [first, second] = [this.#store(r, at, 0, low), this.#store(r, after, 1, high)];
      if (first || second) this.#written?.(r);
      return;
    }
    this.write32(offset, low);
    this.write32(offset + 4, high);
  }

  /** What the hardware finds in a register; beyond 2^53 it is rounded (`isExact`), and better read by its fields. */
  get(name: Name): number {
    const r = this.map.registers[name];
    const at = this.#cells.indexOf(r.offset);
    const low = this.#words.get(at);
    if (r.bytes === 4) return low;
    return u64(low, this.#words.get(at + 1));
  }

  /** The hardware changes a register. */
  set(name: Name, value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "a register holds a whole number");
    this.#put(this.map.registers[name], u64Low(value), u64High(value));
  }

  /** What the hardware finds in one field of a register. */
  read<V extends number>(name: Name, field: Field<V>): V {
    const r = this.map.registers[name];
    const at = this.#cells.indexOf(r.offset);
    this.#pair[0] = this.#words.get(at);
    this.#pair[1] = r.bytes === 8 ? this.#words.get(at + 1) : 0;
    return read(this.#pair, 0, field);
  }

  /** The hardware changes one field of a register. @throws Broken for what the field does not hold. */
  write<V extends number>(name: Name, field: Field<V>, value: V): void {
    const r = this.map.registers[name];
    assert(field.msb < r.bytes * 8, "a field lies inside its register");
    const at = this.#cells.indexOf(r.offset) + field.word;
    this.#words.set(at, lowWith(this.#words.get(at), field, value));
    if (field.scale !== 0) this.#words.set(at + 1, highWith(this.#words.get(at + 1), field, value));
  }

  /** The words of all registers as the hardware has them, by offset from the base of the block, ascending. */
  get words(): readonly (readonly [offset: number, word: number])[] {
    return Object.values<Register>(this.map.registers)
      .flatMap((r) => (r.bytes === 4 ? [r.offset] : [r.offset, r.offset + 4]))
      .sort((a, b) => a - b)
      .map((offset) => [offset, this.#words.get(this.#cells.indexOf(offset))] as const);
  }

  /**
   * Take over words that a machine had, by offset from the base of the block; the hardware is not told.
   * @returns the offsets of those for which this block has no register: they are passed over
   */
  load(words: Iterable<readonly [offset: number, word: number]>): readonly number[] {
    const unknown: number[] = [];
    for (const [offset, word] of words) {
      const index = offset % 4 === 0 ? this.#cells.indexOf(offset) : -1;
      if (index < 0) unknown.push(offset);
      else this.#words.set(index, word);
    }
    return unknown;
  }

  #load(index: number): number {
    const { access } = this.#cells.registerOf[index]!;
    if (access === "wo") return 0;
    const value = this.#words.get(index);
    if (access === "clearedByRead") this.#words.set(index, 0);
    return value;
  }

  /** @returns false where software's writes are lost. */
  #store(r: Register, index: number, word: 0 | 1, value: number): boolean {
    const writable = r.writable[word];
    const clearing = r.clearing[word];
    if ((writable | clearing) === 0 || this.#takes?.(r, word, value) === false) return false;
    const before = this.#words.get(index);
    this.#words.set(index, (((before & ~writable) | (value & writable)) & ~(value & clearing)) >>> 0);
    return true;
  }

  #put(r: Register, low: number, high: number): void {
    const at = this.#cells.indexOf(r.offset);
    this.#words.set(at, low);
    if (r.bytes === 8) this.#words.set(at + 1, high);
    else assert(high === 0, "a register of 32 bits holds 32 bits");
  }

  /** @returns -1 where no register is. */
  #indexOf(offset: number, width: 4 | 8): number {
    if (!(offset >= 0 && offset % width === 0 && offset < this.map.byteCount)) {
      throw new Misuse("outside-registers", `${this.map.title} has no ${width * 8} bits at offset ${offset}`);
    }
    return this.#cells.indexOf(offset);
  }
}
