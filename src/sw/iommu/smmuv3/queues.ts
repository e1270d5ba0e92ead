/** Queues of an SMMUv3 in memory that its driver gives them. Source: Linux arm_smmu_init_one_queue: no larger than the unit can. */
import { frameBytes } from "../../../base/frame.js";
import { u64High, u64Low } from "../../../base/u64.js";
import { read, write } from "../../../bits/field.js";
import { QueueBase, queueEntryBytes } from "../../../spec/smmuv3/queue_registers.js";
import { smmuRegisters } from "../../../spec/smmuv3/register_map.js";
import { Idr1 } from "../../../spec/smmuv3/registers.js";
import type { UnitPorts } from "../ports.js";

const { idr1, cmdqBase, cmdqProd, cmdqCons, eventqBase, eventqProd, eventqCons } = smmuRegisters.registers;
const kinds = {
  commands: { base: cmdqBase, prod: cmdqProd, cons: cmdqCons, most: Idr1.cmdqs },
  events: { base: eventqBase, prod: eventqProd, cons: eventqCons, most: Idr1.eventqs },
} as const;

/** Give a queue memory, a page of it where the unit can, and tell the unit. @returns its byte address, and its entries */
export function placeQueue(
  ports: UnitPorts,
  kind: keyof typeof kinds,
): { readonly at: number; readonly entries: number } {
  const { registers } = ports;
  const { base, prod, cons, most } = kinds[kind];
  const lg2 = Math.min(Math.log2(frameBytes / queueEntryBytes[kind]), read([registers.read32(idr1.offset)], 0, most));
  const at = ports.allocate(1) * frameBytes;
  const words = Uint32Array.of(u64Low(at), u64High(at));
  write(words, 0, QueueBase.log2size, lg2);
  registers.write64(base.offset, words[0]!, words[1]!);
  registers.write32(prod.offset, 0);
  registers.write32(cons.offset, 0);
  return { at, entries: 2 ** lg2 };
}
