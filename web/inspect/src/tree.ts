/** Page tables as the page carries them. */
import type { PageField, PageTableNode, PageTableRoot } from "dmalab/report";
import { data } from "./data";

/** What an entry leads to that is no carried table. */
export const lead = { page: -1, reserved: -2, notCarried: -3, outside: -4 } as const;

export interface TreeEntry {
  readonly index: number;
  readonly value: bigint;
  /** First address that it translates. */
  readonly iova: bigint;
  readonly lead: number;
  readonly target: string;
  readonly sizeLg2: number;
}

export function entriesOf(node: PageTableNode, base: bigint): TreeEntry[] {
  const bytes = atob(node.entries);
  const word = (at: number): number => {
    const b = (i: number) => bytes.charCodeAt(at + i);
    return b(0) + b(1) * 2 ** 8 + b(2) * 2 ** 16 + b(3) * 2 ** 24;
  };
  return node.leads.map((to, i) => {
    const index = word(i * 12);
    return {
      index,
      value: BigInt(word(i * 12 + 4)) + (BigInt(word(i * 12 + 8)) << 32n),
      iova: base + (BigInt(index) << BigInt(node.spanLg2)),
      lead: to,
      target: node.targets[i]!,
      sizeLg2: node.sizes[i]!,
    };
  });
}

/** The address as the device writes it: the bits above the table's input as they must be. */
export function canonical(root: PageTableRoot, iova: bigint): bigint {
  const bits = BigInt(root.inputBits);
  const high = root.upper === "ones" || (root.upper === "sign" && (iova >> (bits - 1n)) % 2n === 1n);
  return high ? (1n << 64n) - (1n << bits) + iova : iova;
}

export interface FieldValue {
  readonly name: string;
  readonly bits: string;
  readonly value: string;
  readonly doc: string;
}

/** Fields that are not zero. */
export function fieldValues(value: bigint, fields: readonly PageField[]): FieldValue[] {
  return fields.flatMap(({ name, msb, lsb, doc }) => {
    const own = (value >> BigInt(lsb)) & ((1n << BigInt(msb - lsb + 1)) - 1n);
    if (own === 0n) return [];
    return [{ name, bits: msb === lsb ? `${msb}` : `${msb}:${lsb}`, value: `0x${own.toString(16)}`, doc }];
  });
}

export const levelOf = (node: PageTableNode) => data.tables.levels[node.format]![node.level]!;

/** An entry's 64-bit words as text, the highest first, as one number. */
export const entryNumber = (text: string): bigint =>
  text.split(" ").reduce((sum, word) => (sum << 64n) + BigInt(word), 0n);

export interface WalkEntry {
  readonly name: string;
  readonly node: PageTableNode;
  readonly entry: TreeEntry | null;
  readonly index: number;
}

/** The entries that translate an address, as far as the page carries them. */
export function walkTree(root: PageTableRoot, address: bigint): WalkEntry[] {
  const walked: WalkEntry[] = [];
  const input = address & ((1n << BigInt(root.inputBits)) - 1n);
  if (canonical(root, input) !== address) return walked;
  let table = root.table;
  // A table may point to itself: an address has no more levels than this.
  for (let left = 8; table >= 0 && left > 0; left--) {
    const node = data.tables.tables[table]!;
    const index = Number((input >> BigInt(node.spanLg2)) & BigInt(node.slots - 1));
    const entry = entriesOf(node, 0n).find((e) => e.index === index) ?? null;
    walked.push({ name: levelOf(node).name, node, entry, index });
    table = entry?.lead ?? lead.outside;
  }
  return walked;
}
