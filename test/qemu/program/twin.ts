/** QEMU's machine and a memory of ours with the same bytes, and two units' registers that are told the same. */
import type { RegisterFile } from "../../../src/bus/registers.js";
import { Memory } from "../../../src/mem/memory.js";
import { Mapper, type TableRoot } from "../../../src/table/index.js";
import type { TableMemory } from "../../../src/table/table_maker.js";
import type { UnderTest } from "../machines.js";
import { dataAt, ramBytes } from "../test_memory.js";

/** Where tables begin, and where they must end: data in RAM from here on hold their own address. */
const tablesAt = 16 * 2 ** 20;

/** One thing that software does to a machine. */
export type Act =
  | { readonly kind: "store"; readonly address: number; readonly words: Uint32Array }
  | { readonly kind: "register"; readonly offset: number; readonly value: number; readonly bits: 32 | 64 };

export class Twin implements TableMemory {
  readonly machine: UnderTest;
  readonly memory: Memory;
  readonly #base: number;
  readonly #changed = new Set<number>();
  readonly #commands: string[] = [];
  #next: number;

  /** @param base of QEMU's registers */
  constructor(machine: UnderTest, base: number) {
    this.machine = machine;
    this.#base = base;
    this.memory = new Memory((machine.ramBase + ramBytes) / 4096);
    this.#next = (machine.ramBase + tablesAt) / 4096;
  }

  /** Where tables stand: bytes. */
  get tables(): { readonly first: number; readonly bytes: number } {
    return { first: this.machine.ramBase + tablesAt, bytes: dataAt - tablesAt };
  }

  /** Frames of zeros beside each other, aligned to their number. @returns the first */
  allocate(count = 1): number {
    const first = Math.ceil(this.#next / count) * count;
    this.#next = first + count;
    if (this.#next * 4096 > this.machine.ramBase + dataAt) throw new Error("tables reach into the data");
    for (let frame = first; frame < this.#next; frame++) this.store32(frame * 4096, 0);
    return first;
  }

  mapper(root: TableRoot): Mapper {
    return new Mapper(this, root, (n) => this.allocate(n));
  }

  frame(m: number) {
    return this.memory.frame(m as never);
  }

  store32(address: number, value: number): void {
    this.memory.store32(address, value);
    this.#changed.add(Math.floor(address / 4096));
  }

  store64(address: number, low: number, high: number): void {
    this.memory.store64(address, low, high);
    this.#changed.add(Math.floor(address / 4096));
  }

  /** @param set fills so many words, zeros at first */
  store(address: number, wordCount: number, set: (w: Uint32Array) => void): void {
    const words = new Uint32Array(wordCount);
    set(words);
    this.memory.store(address, words);
    this.#changed.add(Math.floor(address / 4096));
  }

  /** Write a register of both. QEMU's is written by `settle`. */
  write32<Name extends string>(registers: RegisterFile<Name>, name: Name, value: number): void {
    const { offset } = registers.map.registers[name];
    registers.write32(offset, value);
    this.#commands.push(`writel 0x${(this.#base + offset).toString(16)} 0x${value.toString(16)}`);
  }

  write64<Name extends string>(registers: RegisterFile<Name>, name: Name, low: number, high = 0): void {
    const { offset } = registers.map.registers[name];
    registers.write64(offset, low, high);
    const value = (BigInt(high) << 32n) | BigInt(low);
    this.#commands.push(`writeq 0x${(this.#base + offset).toString(16)} 0x${value.toString(16)}`);
  }

  /** Do to both machines what software does. QEMU's is done by `settle`. */
  perform(act: Act, registers: RegisterFile<string>): void {
    this.performHere(act, registers);
    if (act.kind === "store") this.#changed.add(Math.floor(act.address / 4096));
    else this.#commands.push(this.#commandOf(act));
  }

  /** To ours alone. */
  performHere(act: Act, registers: RegisterFile<string>): void {
    if (act.kind === "store") this.memory.store(act.address, act.words);
    else if (act.bits === 32) registers.write32(act.offset, act.value);
    else registers.write64(act.offset, act.value, 0);
  }

  /** To QEMU's alone. @returns commands that are still to be sent: all that comes after the last store */
  async performThere(acts: readonly Act[], before: readonly string[] = []): Promise<string[]> {
    const commands = [...before];
    for (const act of acts) {
      if (act.kind === "register") commands.push(this.#commandOf(act));
      else {
        if (commands.length > 0) await this.machine.qtest.send(commands.splice(0));
        const { buffer, byteOffset, byteLength } = act.words;
        this.machine.qtest.writeRam(act.address, new Uint8Array(buffer, byteOffset, byteLength));
      }
    }
    return commands;
  }

  #commandOf({ offset, value, bits }: Extract<Act, { kind: "register" }>): string {
    return `write${bits === 32 ? "l" : "q"} 0x${(this.#base + offset).toString(16)} 0x${value.toString(16)}`;
  }

  /** Give QEMU what was stored, then what was written to registers. */
  async settle(): Promise<void> {
    const bytes = new Uint8Array(4096);
    for (const frame of this.#changed) {
      this.memory.read(frame * 4096, bytes);
      this.machine.qtest.writeRam(frame * 4096, bytes);
    }
    this.#changed.clear();
    await this.machine.qtest.send(this.#commands.splice(0));
  }

  /** QEMU's registers, 64 bits each. */
  async ask(offsets: readonly number[]): Promise<bigint[]> {
    return (await this.machine.qtest.send(offsets.map((offset) => this.asking(offset, 64)))).map(BigInt);
  }

  async ask32(offsets: readonly number[]): Promise<number[]> {
    return (await this.machine.qtest.send(offsets.map((offset) => this.asking(offset, 32)))).map(Number);
  }

  /** The command that reads a register of QEMU's, and the one that writes it. */
  asking(offset: number, bits: 32 | 64): string {
    return `read${bits === 32 ? "l" : "q"} 0x${(this.#base + offset).toString(16)}`;
  }

  telling32(offset: number, value: number): string {
    return `writel 0x${(this.#base + offset).toString(16)} 0x${value.toString(16)}`;
  }

  /** QEMU's bytes. */
  qemuWords(address: number, count: number): Uint32Array {
    const words = new Uint32Array(count);
    this.machine.qtest.readRam(address, new Uint8Array(words.buffer));
    return words;
  }
}
