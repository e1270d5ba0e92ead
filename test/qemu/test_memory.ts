/** The RAM of a machine under test, as the library sees it; what QEMU is to see is copied to it when it is ready. */
import type { Rng } from "../../src/base/rng.js";
import type { MemorySegment, MemoryView } from "../../src/mem/view.js";
import type { Qtest } from "./qtest.js";

const mebibyte = 2 ** 20;

/** 64 MiB: a page for results, 16 MiB for tables, 32 MiB for data in which every 8 bytes hold their own address. */
export const ramBytes = 64 * mebibyte;
const tablesAt = 16 * mebibyte;
const tableFrames = (16 * mebibyte) / 4096;
export const dataAt = 32 * mebibyte;
export const dataBytes = 32 * mebibyte;
/** Offset of the page where devices leave what they read and find what they write; in each domain at its own address. */
export const resultsAt = 4 * mebibyte;

export class TestMemory implements MemoryView {
  readonly base: number;
  readonly words = new Uint32Array(ramBytes / 4);
  readonly #segment: MemorySegment;
  readonly #used = new Set<number>();
  /** Taken back, and not yet zero in the machine: a spoiled pointer may lead there. */
  readonly #stale = new Set<number>();

  /** @param base physical address of the first byte */
  constructor(base: number) {
    this.base = base;
    for (let at = dataAt; at < dataAt + dataBytes; at += 8) this.words[at / 4] = base + at;
    this.#segment = { first: (base / 4096) as MemorySegment["first"], frameCount: ramBytes / 4096, words: this.words };
  }

  frame(m: number): Uint32Array | undefined {
    const index = m - this.base / 4096;
    return index >= 0 && index < ramBytes / 4096 ? this.words.subarray(index * 1024, index * 1024 + 1024) : undefined;
  }

  store32(address: number, value: number): void {
    this.words[(address - this.base) / 4] = value;
  }

  store64(address: number, low: number, high: number): void {
    this.store32(address, low);
    this.store32(address + 4, high);
  }

  segment(m: number): MemorySegment | undefined {
    return this.frame(m) === undefined ? undefined : this.#segment;
  }

  /** Index of the first of two words; negative outside. */
  index(address: number): number {
    const offset = address - this.base;
    return offset >= 0 && offset + 8 <= ramBytes ? offset / 4 : -1;
  }

  /** Neighbouring frames of zeros somewhere among the tables, aligned to their number. @returns the first */
  allocate(rng: Rng, count: number): number {
    for (;;) {
      const first = tablesAt / 4096 + rng.below(tableFrames / count) * count;
      const all = Array.from({ length: count }, (_, n) => first + n);
      if (all.some((f) => this.#used.has(f))) continue;
      for (const f of all) this.#used.add(f);
      return this.base / 4096 + first;
    }
  }

  /** Byte addresses of the frames handed out since the last `clear`. */
  get tables(): number[] {
    return [...this.#used].map((f) => this.base + f * 4096);
  }

  /** Take all tables back. */
  clear(): void {
    for (const f of this.#used) {
      this.words.fill(0, f * 1024, f * 1024 + 1024);
      this.#stale.add(f);
    }
    this.#used.clear();
  }

  /** Copy the tables to the machine, and zeros to where earlier ones were. */
  copyTables(qtest: Qtest): void {
    for (const f of new Set([...this.#used, ...this.#stale]))
      qtest.writeRam(this.base + f * 4096, this.#bytes(f * 4096, 4096));
    this.#stale.clear();
  }

  copyData(qtest: Qtest): void {
    qtest.writeRam(this.base + dataAt, this.#bytes(dataAt, dataBytes));
  }

  #bytes(offset: number, length: number): Uint8Array {
    return new Uint8Array(this.words.buffer, offset, length);
  }
}
