/** What the old way costs, by what mapping a guest's memory really takes. */
import { Memory } from "../../../mem/memory.js";
import { Mapper } from "../../../table/index.js";
import { byteOf } from "../ground.js";

/** What it costs to take all of a guest's memory out of a table, or to put it in. */
export interface RemappingCost {
  /** Pieces that are mapped, and unmapped. */
  readonly pieces: number;
  /** Entries that are stored for that: leaves, and tables that lead to them. */
  readonly stores: number;
}

/** @param guestBytes of memory, in pieces of `pageBytes`: 4 KiB, or 2 MiB */
export function costOfRemapping(guestBytes: number, pageBytes: number): RemappingCost {
  const memory = new CountingMemory(8 + Math.ceil(guestBytes / 2 ** 21) * 2);
  let next = 0;
  const allocate = () => {
    memory.store32(byteOf(next), 0);
    return next++;
  };
  const top = byteOf(allocate());
  const root = {
    format: "vtd-ss",
    address: top,
    level: 3,
    inputBits: 48,
    upper: "zero",
    outputBits: 46,
    allow: 3,
  } as const;
  const mapper = new Mapper(memory, root, allocate);
  for (let at = 0; at < guestBytes; at += pageBytes) mapper.map(at, at, pageBytes, 3);
  for (let at = 0; at < guestBytes; at += pageBytes) mapper.unmap(at, pageBytes);
  return { pieces: guestBytes / pageBytes, stores: memory.stores };
}

/** Memory that counts what is stored of tables. */
class CountingMemory extends Memory {
  stores = 0;

  override store64(address: number, low: number, high: number): void {
    this.stores++;
    super.store64(address, low, high);
  }
}
