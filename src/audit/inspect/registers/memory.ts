/**
 * Memory that a unit works with beside its translation tables, as its registers say: queues and logs, and the table of
 * interrupts. Who can write there commands the unit, or forges what it reports.
 *
 * Registers that were not given are no such memory. One that is given and whose queue is off does not count.
 */
import { frameBytes } from "../../../base/frame.js";
import { read } from "../../../bits/field.js";
import type { RegisterBlock } from "../../../read/registers/register_block.js";
import { BufferBase, bufferEntryBytes } from "../../../spec/amdvi/queue_registers.js";
import { amdviOffsets, amdviQueueOffsets } from "../../../spec/amdvi/register_map.js";
import { Control } from "../../../spec/amdvi/registers.js";
import { QueueBase, queueEntryBytes } from "../../../spec/smmuv3/queue_registers.js";
import { smmuOffsets, smmuQueueOffsets } from "../../../spec/smmuv3/register_map.js";
import { Cr0, Idr1 } from "../../../spec/smmuv3/registers.js";
import { InvalidationQueueAddress, PageQueueAddress } from "../../../spec/vtd/queue_registers.js";
import { vtdOffsets } from "../../../spec/vtd/register_map.js";
import { GlobalStatus, InterruptTableAddress } from "../../../spec/vtd/registers.js";
import type { UnitKind } from "../../../table/device/attachment.js";
import type { FrameUse } from "../table_frames.js";

/** Bytes `from` to `to`, the last one not among them. */
export interface UnitMemory {
  readonly use: FrameUse;
  readonly from: number;
  readonly to: number;
}

/** Addresses end at 2^52. */
const addressMax = 2 ** 52;

export function unitMemory(kind: UnitKind, block: RegisterBlock): UnitMemory[] {
  return memoryOf[kind](block).filter(({ from, to }) => from > 0 && to > from && to <= addressMax);
}

const memoryOf: Readonly<Record<UnitKind, (block: RegisterBlock) => UnitMemory[]>> = {
  vtd(block) {
    const status = block.register(vtdOffsets.gsts, 1);
    const isOff = (field: Parameters<typeof read>[2]) => status !== null && read(status, 0, field) === 0;
    const memory: UnitMemory[] = [];
    const iqa = block.register(vtdOffsets.iqa, 2);
    if (iqa !== null && !isOff(GlobalStatus.qies)) {
      const from = read(iqa, 0, InvalidationQueueAddress.frame) * frameBytes;
      memory.push({ use: "queue", from, to: from + frameBytes * 2 ** read(iqa, 0, InvalidationQueueAddress.qs) });
    }
    const pqa = block.register(vtdOffsets.pqa, 2);
    if (pqa !== null) {
      const from = read(pqa, 0, PageQueueAddress.frame) * frameBytes;
      // Bits 4:3 are new: no queue of today is longer than what the other three give.
      memory.push({ use: "queue", from, to: from + frameBytes * 2 ** Math.min(7, read(pqa, 0, PageQueueAddress.pqs)) });
    }
    const irta = block.register(vtdOffsets.irta, 2);
    if (irta !== null && !isOff(GlobalStatus.ires)) {
      const from = read(irta, 0, InterruptTableAddress.frame) * frameBytes;
      const entries = 2 ** (read(irta, 0, InterruptTableAddress.s) + 1);
      memory.push({ use: "interrupt table", from, to: from + entries * 16 });
    }
    return memory;
  },

  amdvi(block) {
    const control = block.register(amdviOffsets.control, 2);
    const buffers = [
      [amdviQueueOffsets.commands, Control.cmdBufEn],
      [amdviQueueOffsets.events, Control.eventLogEn],
      [amdviQueueOffsets.pageRequests, Control.pprLogEn],
    ] as const;
    return buffers.flatMap(([offset, enabled]): UnitMemory[] => {
      const base = block.register(offset, 2);
      if (base === null || (control !== null && read(control, 0, enabled) === 0)) return [];
      const from = read(base, 0, BufferBase.frame) * frameBytes;
      return [{ use: "queue", from, to: from + 2 ** read(base, 0, BufferBase.length) * bufferEntryBytes }];
    });
  },

  smmuv3(block) {
    const cr0 = block.register(smmuOffsets.cr0, 1);
    const idr1 = block.register(smmuOffsets.idr1, 1);
    const queues = [
      ["commands", Cr0.cmdqen, Idr1.cmdqs],
      ["events", Cr0.eventqen, Idr1.eventqs],
      ["pageRequests", Cr0.priqen, Idr1.priqs],
    ] as const;
    return queues.flatMap(([name, enabled, longest]): UnitMemory[] => {
      const base = block.register(smmuQueueOffsets[name], 2);
      if (base === null || (cr0 !== null && read(cr0, 0, enabled) === 0)) return [];
      // IDR1 gives at most 2^19 entries. Source: IHI 0070 G, 6.3.2.
      const most = Math.min(19, idr1 === null ? 19 : read(idr1, 0, longest));
      const bytes = 2 ** Math.min(most, read(base, 0, QueueBase.log2size)) * queueEntryBytes[name];
      const at = read(base, 0, QueueBase.addr) * 32;
      const from = at - (at % Math.max(32, bytes));
      return [{ use: "queue", from, to: from + bytes }];
    });
  },
};
