/**
 * A kernel's reader of the event log of an AMD-Vi unit.
 *
 * Source: Linux drivers/iommu/amd/iommu.c (amd_iommu_int_thread, iommu_poll_events) and init.c (iommu_enable_event_buffer,
 * amd_iommu_restart_event_logging): the status is cleared before the log is read, so that what comes meanwhile tells anew.
 */
import { frameBytes } from "../../../base/frame.js";
import { u64 } from "../../../base/u64.js";
import { read, write } from "../../../bits/field.js";
import { EventFlag, EventRecord, eventRecordBytes } from "../../../spec/amdvi/event_record.js";
import { BufferBase, BufferPointer } from "../../../spec/amdvi/queue_registers.js";
import { amdviRegisters } from "../../../spec/amdvi/register_map.js";
import { Control, UnitStatus } from "../../../spec/amdvi/registers.js";
import type { UnitPorts } from "../ports.js";
import type { UnitFault } from "../unit_driver.js";
import type { UnitControl } from "./control.js";

const entriesLg2 = 9;
const entries = 2 ** entriesLg2;
const { evtlog, evtHead, evtTail, status, msiAddress, msiUpper, msiData } = amdviRegisters.registers;

export class EventReader {
  readonly #ports: UnitPorts;
  readonly #control: UnitControl;
  readonly #at: number;

  constructor(ports: UnitPorts, control: UnitControl) {
    this.#ports = ports;
    this.#control = control;
    this.#at = ports.allocate((entries * eventRecordBytes) / frameBytes) * frameBytes;
    const { registers } = ports;
    const base = new Uint32Array(2);
    write(base, 0, BufferBase.frame, (this.#at / frameBytes) as never);
    write(base, 0, BufferBase.length, entriesLg2);
    registers.write64(evtlog.offset, base[0]!, base[1]!);
    registers.write64(evtHead.offset, 0, 0);
    registers.write64(evtTail.offset, 0, 0);
    registers.write32(msiAddress.offset, 0xfee0_0000);
    registers.write32(msiUpper.offset, 0);
    registers.write32(msiData.offset, 0x22);
    control.set(Control.eventLogEn, 1);
    control.set(Control.eventIntEn, 1);
  }

  /** What is recorded, taken off the log. */
  take(): UnitFault[] {
    const { memory, registers } = this.#ports;
    const flags = new Uint32Array(2);
    registers.read64(status.offset, flags);
    const overflowed = read(flags, 0, UnitStatus.eventOverflow) === 1;
    registers.write64(status.offset, flags[0]!, flags[1]!);
    const taken: UnitFault[] = [];
    const tail = this.#entry(evtTail.offset);
    let head = this.#entry(evtHead.offset);
    for (; head !== tail; head = (head + 1) % entries) {
      const at = this.#at + head * eventRecordBytes;
      const w = Uint32Array.from({ length: 4 }, (_, n) => memory.load32(at + 4 * n));
      taken.push(faultOf(w));
      memory.store(at, [0, 0, 0, 0]);
    }
    registers.write64(evtHead.offset, head * eventRecordBytes, 0);
    if (overflowed) {
      this.#control.set(Control.eventLogEn, 0);
      this.#control.set(Control.eventLogEn, 1);
    }
    return taken;
  }

  #entry(offset: number): number {
    return read([this.#ports.registers.read32(offset)], 0, BufferPointer.entry) % entries;
  }
}

const faultOf = (w: Uint32Array): UnitFault => ({
  requester: read(w, 0, EventRecord.device),
  address: u64(read(w, 0, EventRecord.addressLow), read(w, 0, EventRecord.addressHigh)),
  code: read(w, 0, EventRecord.code),
  write: (read(w, 0, EventRecord.flags) & EventFlag.rw) !== 0,
});
