/**
 * A kernel's handler of a VT-d unit's faults.
 *
 * Source: Linux drivers/iommu/intel/dmar.c, dmar_fault: records are read and cleared one by one, the overflow after them.
 */

import { read } from "../../../bits/field.js";
import type { WideRegisters } from "../../../bus/registers.js";
import { FaultRecord } from "../../../spec/vtd/fault_record.js";
import { vtdRegisters } from "../../../spec/vtd/register_map.js";
import type { UnitFault } from "../unit_driver.js";

const { fectl, fedata, feaddr, fsts, fault, faultHigh } = vtdRegisters.registers;
/** PFO: cleared by being written. */
const overflow = 1;
const pending = 0x8000_0000;

export class VtdFaultHandler {
  readonly #registers: WideRegisters;

  constructor(registers: WideRegisters) {
    this.#registers = registers;
  }

  /** Where the interrupt goes, and that it may come. */
  enable(): void {
    this.#registers.write32(fedata.offset, 0x21);
    this.#registers.write32(feaddr.offset, 0xfee0_0000);
    this.#registers.write32(fectl.offset, 0);
  }

  /** What is recorded, taken off the record. */
  take(): UnitFault[] {
    const words = new Uint32Array(4);
    this.#registers.read64(fault.offset, words.subarray(0, 2));
    this.#registers.read64(faultHigh.offset, words.subarray(2));
    const taken: UnitFault[] = [];
    if (read(words, 0, FaultRecord.f) === 1) {
      taken.push({
        requester: read(words, 0, FaultRecord.sid),
        address: read(words, 0, FaultRecord.page) * 4096,
        code: read(words, 0, FaultRecord.reason),
        write: read(words, 0, FaultRecord.t1) === 0,
      });
      this.#registers.write64(faultHigh.offset, 0, pending);
    }
    this.#registers.write32(fsts.offset, overflow);
    return taken;
  }
}
