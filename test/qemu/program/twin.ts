/** QEMU's machine and a memory of ours with the same bytes, and two units' registers that are told the same. */
import type { RegisterFile } from "../../../src/bus/registers.js";
import { Memory } from "../../../src/mem/memory.js";
import type { TableMemory } from "../../../src/table/table_maker.js";
import type { UnderTest } from "../machines.js";
import { dataAt, ramBytes } from "../test_memory.js";

/** Where tables begin, and where they must end: data in RAM from here on hold their own address. */
const tablesAt = 16 * 2 ** 20;

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

  /** Frames of zeros beside each other, aligned to their number. @returns the first */
  allocate(count = 1): number {
    const first = Math.ceil(this.#next / count) * count;
    this.#next = first + count;
    if (this.#next * 4096 > this.machine.ramBase + dataAt) throw new Error("tables reach into the data");
    for (let frame = first; frame < this.#next; frame++) this.store32(frame * 4096, 0);
    return first;
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
    const commands = offsets.map((offset) => `readq 0x${(this.#base + offset).toString(16)}`);
    return (await this.machine.qtest.send(commands)).map(BigInt);
  }

  async ask32(offsets: readonly number[]): Promise<number[]> {
    const commands = offsets.map((offset) => `readl 0x${(this.#base + offset).toString(16)}`);
    return (await this.machine.qtest.send(commands)).map(Number);
  }

  /** Write a register of QEMU's alone. */
  async tell32(offset: number, value: number): Promise<void> {
    await this.machine.qtest.send([`writel 0x${(this.#base + offset).toString(16)} 0x${value.toString(16)}`]);
  }

  /** QEMU's bytes. */
  qemuWords(address: number, count: number): Uint32Array {
    const words = new Uint32Array(count);
    this.machine.qtest.readRam(address, new Uint8Array(words.buffer));
    return words;
  }
}
