/**
 * A kernel's reader of the event queue of an SMMUv3.
 *
 * Source: Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_evtq_thread, queue_sync_cons_ovf): read until the queue is
 * empty; an overflow is acknowledged by the same bit of CONS.
 */
import { u64 } from "../../../base/u64.js";
import { read, write } from "../../../bits/field.js";
import { QueueIndex } from "../../../spec/smmuv3/control_registers.js";
import { EventRecord, eventRecordBytes } from "../../../spec/smmuv3/event_record.js";
import { smmuRegisters } from "../../../spec/smmuv3/register_map.js";
import type { UnitPorts } from "../ports.js";
import type { UnitFault } from "../unit_driver.js";
import { placeQueue } from "./queues.js";

const { eventqProd, eventqCons } = smmuRegisters.registers;
const { index, overflow } = QueueIndex;

export class EventReader {
  readonly #ports: UnitPorts;
  readonly #at: number;
  readonly #entries: number;
  #cons = 0;

  constructor(ports: UnitPorts) {
    this.#ports = ports;
    const { at, entries } = placeQueue(ports, "events");
    this.#at = at;
    this.#entries = entries;
  }

  /** What is recorded, taken off the queue. */
  take(): UnitFault[] {
    const { memory, registers } = this.#ports;
    const taken: UnitFault[] = [];
    const prod = [registers.read32(eventqProd.offset)];
    while (read(prod, 0, index) !== this.#cons) {
      const at = this.#at + (this.#cons % this.#entries) * eventRecordBytes;
      taken.push(faultOf(Uint32Array.from({ length: eventRecordBytes / 4 }, (_, n) => memory.load32(at + 4 * n))));
      this.#cons = (this.#cons + 1) % (2 * this.#entries);
    }
    const cons = Uint32Array.of(this.#cons);
    write(cons, 0, overflow, read(prod, 0, overflow));
    registers.write32(eventqCons.offset, cons[0]!);
    return taken;
  }
}

const faultOf = (w: Uint32Array): UnitFault => ({
  requester: read(w, 0, EventRecord.sid),
  address: u64(read(w, 0, EventRecord.inputLow), read(w, 0, EventRecord.inputHigh)),
  code: read(w, 0, EventRecord.id),
  write: read(w, 0, EventRecord.rnw) === 0,
});
