/** Register values as 32-bit words, by block: what a reader of one kind of unit asks. */
import { hex } from "../../base/hex.js";
import { Unreadable } from "../unreadable.js";

const wordLimit = 2 ** 32;
const isOnes = (word: number | undefined): boolean => word === wordLimit - 1;
/** More digits than 32 bits take: a value of 64 bits, whatever its neighbours are. */
const wideText = /^\s*0x[0-9a-f_]{9,}\s*$/i;

export class RegisterBlock {
  readonly base: number;
  readonly #words = new Map<number, number>();

  constructor(base: number) {
    this.base = base;
  }

  set(offset: number, word: number): void {
    this.#words.set(offset, word);
  }

  /** What was given, by offset from the base. */
  get words(): Iterable<readonly [offset: number, word: number]> {
    return this.#words;
  }

  /** The words of a register; null when any of them was not given. */
  register(offset: number, wordCount: 1 | 2): Uint32Array | null {
    const words = new Uint32Array(wordCount);
    for (let n = 0; n < wordCount; n++) {
      const word = this.#words.get(offset + 4 * n);
      if (word === undefined) return null;
      words[n] = word;
    }
    return words;
  }

  /** The words of a register that holds an address: an upper half that was not given is zero. */
  address(offset: number): Uint32Array | null {
    const low = this.#words.get(offset);
    return low === undefined ? null : new Uint32Array([low, this.#words.get(offset + 4) ?? 0]);
  }

  get isZero(): boolean {
    return [...this.#words.values()].every((w) => w === 0);
  }

  /** Every word reads as ones: there is nothing at this address. */
  get isVoid(): boolean {
    return [...this.#words.values()].every(isOnes);
  }

  /** The low word at one of the offsets reads as ones. */
  hasOnes(offsets: readonly number[]): boolean {
    return offsets.some((offset) => isOnes(this.#words.get(offset)));
  }
}

/**
 * @param blockBytes where blocks begin
 * @returns blocks in ascending order
 * @throws Unreadable when an address or a value is no number that fits.
 */
export function blocksOf(
  name: string,
  registers: Readonly<Record<string, string | number>>,
  blockBytes: number,
): RegisterBlock[] {
  const values = Object.entries(registers).map(([key, value]) => ({
    address: number(name, key, key, 52n),
    value: number(name, key, value, 64n),
    isWide: typeof value === "string" && wideText.test(value),
  }));
  for (const [n, { address }] of values.entries()) {
    if (address % 4n !== 0n) {
      throw new Unreadable(
        name,
        `registers.${Object.keys(registers)[n]}`,
        "an address that is a multiple of 4",
        "another one",
      );
    }
  }
  const narrow = values.some((v) => v.address % 8n === 4n);
  const blocks = new Map<number, RegisterBlock>();
  // In ascending order, so that a 32-bit value of the upper half counts where both are given.
  for (const { address, value, isWide } of values.toSorted((a, b) => (a.address < b.address ? -1 : 1))) {
    const at = Number(address);
    const base = at - (at % blockBytes);
    let block = blocks.get(base);
    if (block === undefined) {
      block = new RegisterBlock(base);
      blocks.set(base, block);
    }
    block.set(at - base, Number(value % 2n ** 32n));
    const high = Number(value / 2n ** 32n);
    if (at % 8 === 0 && (!narrow || isWide || high !== 0)) block.set(at - base + 4, high);
  }
  return [...blocks.values()].toSorted((a, b) => a.base - b.base);
}

function number(name: string, key: string, value: string | number, bits: bigint): bigint {
  const text = typeof value === "number" ? value : value.trim().replaceAll("_", "");
  const where = `registers.${key.slice(0, 40)}`;
  const fits =
    typeof text === "number" ? Number.isSafeInteger(text) && text >= 0 : /^(0x[0-9a-f]{1,20}|[0-9]{1,25})$/i.test(text);
  if (!fits) throw new Unreadable(name, where, "a number like 0xfed90000", JSON.stringify(value).slice(0, 40));
  const n = BigInt(text);
  if (n >= 2n ** bits) throw new Unreadable(name, where, `a number of at most ${bits} bits`, hex(n));
  return n;
}
