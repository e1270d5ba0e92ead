/**
 * The invalidation queue of a VT-d unit as a kernel's driver uses it: descriptors with a wait behind them, and a processor
 * that stands until the wait's status is there.
 *
 * Source: Linux drivers/iommu/intel/dmar.c, qi_submit_sync: the wait stores its status into the word of its own slot, so
 * that no two submissions share one; qi_check_fault: what a device's silence aborted is asked for again.
 */
import { frameBytes } from "../../../base/frame.js";
import { write } from "../../../bits/field.js";
import { InvalidationQueueAddress } from "../../../spec/vtd/queue_registers.js";
import { vtdRegisters } from "../../../spec/vtd/register_map.js";
import { MachineState } from "../../../state/index.js";
import type { UnitPorts } from "../ports.js";
import type { Posted, Submitted } from "../unit_driver.js";
import { FlushRing, slotCount } from "./flush_ring.js";

/** Linux asks a device that does not answer without end; here that would be the run's end. */
const attempts = 2;
const { iqa, iqt } = vtdRegisters.registers;

export class InvalidationRing {
  /** The queue itself, for those who do not wait, or wait otherwise. */
  readonly ring: FlushRing;
  readonly #ports: UnitPorts;

  /** @param posted told of each descriptor, waits among them */
  constructor(ports: UnitPorts, slotBytes: 16 | 32, posted: Posted = () => undefined) {
    this.#ports = ports;
    const { memory, registers } = ports;
    const pages = (slotCount * slotBytes) / frameBytes;
    const queueAt = ports.allocate(pages) * frameBytes;
    const statusAt = ports.allocate(1) * frameBytes;
    const words = new Uint32Array(2);
    write(words, 0, InvalidationQueueAddress.frame, (queueAt / frameBytes) as never);
    write(words, 0, InvalidationQueueAddress.qs, Math.log2(pages));
    write(words, 0, InvalidationQueueAddress.dw, slotBytes === 32 ? 1 : 0);
    registers.write64(iqt.offset, 0, 0);
    registers.write64(iqa.offset, words[0]!, words[1]!);
    this.ring = new FlushRing({ state: new MachineState(), memory, registers, queueAt, statusAt, slotBytes, posted });
  }

  /**
   * Post descriptors and a wait, tell the unit, and wait; again, when a device did not answer and the wait fell with it.
   * @param descriptors four words each; what a larger slot has beside them is zero
   */
  submit(...descriptors: readonly Uint32Array[]): Submitted {
    const { ring } = this;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const { statusAt } = ring.submit(descriptors, { statusAt: null, tells: false, fences: true });
      const isDone = () => ring.isAnswered(statusAt);
      while (!this.#ports.spin(isDone)) if (!this.#goOn()) break;
      if (isDone()) return "done";
    }
    return "unanswered";
  }

  /** A device that did not answer stopped the queue: let it go on. @returns false where that is not why */
  #goOn(): boolean {
    if (!this.ring.isStopped) return false;
    this.ring.goOn();
    return true;
  }
}
