/**
 * Queues of an SMMUv3 in memory: rings of 2^n entries, with indexes that have a wrap bit above them.
 *
 * Source: IHI 0070 G, 3.5.1 (indexes, wrap, inconsistent states), 6.3.26 (the base is aligned to the queue's size).
 */
import { read } from "../../../bits/field.js";
import { QueueBase, queueEntryBytes } from "../../../spec/smmuv3/queue_registers.js";
import { Idr1 } from "../../../spec/smmuv3/registers.js";
import type { SmmuRegisters } from "./registers.js";

export interface Ring {
  /** Byte address of its first entry. */
  readonly at: number;
  /** 2^n entries. */
  readonly lg2: number;
  readonly entryBytes: number;
}

/** Words of a register, between its reading and what is made of them. */
const pair = new Uint32Array(2);

/** As the registers say; a size beyond what the unit can is the largest one. */
export function ringOf(registers: SmmuRegisters, which: "cmdq" | "eventq"): Ring {
  const name = which === "cmdq" ? "cmdqBase" : "eventqBase";
  registers.read64(registers.map.registers[name].offset, pair);
  const most = registers.read("idr1", which === "cmdq" ? Idr1.cmdqs : Idr1.eventqs);
  const lg2 = Math.min(read(pair, 0, QueueBase.log2size), most, 19);
  const entryBytes = which === "cmdq" ? queueEntryBytes.commands : queueEntryBytes.events;
  const base = read(pair, 0, QueueBase.addr) * 32;
  return { at: base - (base % Math.max(2 ** lg2 * entryBytes, 32)), lg2, entryBytes };
}

/** Entries that are between two indexes; more than the ring has where the indexes contradict each other. */
export const countOf = ({ lg2 }: Ring, from: number, to: number) => (to - from + 2 ** 20) % 2 ** (lg2 + 1);

export const isConsistent = ({ lg2 }: Ring, count: number) => count <= 2 ** lg2;

/** Byte address of the entry that an index names. */
export const entryAt = ({ at, lg2, entryBytes }: Ring, index: number) => at + (index % 2 ** lg2) * entryBytes;

/** The next index; the wrap bit turns when it goes round. */
export const after = ({ lg2 }: Ring, index: number) => (index + 1) % 2 ** (lg2 + 1);
