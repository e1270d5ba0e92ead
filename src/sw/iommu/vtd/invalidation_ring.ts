/**
 * Software's side of the invalidation queue of a VT-d unit: descriptors with a wait behind them, each wait with a status
 * word of its own.
 *
 * Source: Linux drivers/iommu/intel/dmar.c, qi_submit_sync: the wait stores its status into the word of its own slot, so
 * that no two submissions share one; qi_check_fault: what a device's silence aborted is asked for again.
 */
import { frameBytes } from "../../../base/frame.js";
import { read, write } from "../../../bits/field.js";
import { DescriptorType, InvalidationWait } from "../../../spec/vtd/descriptors.js";
import { InvalidationQueueAddress } from "../../../spec/vtd/queue_registers.js";
import { vtdRegisters } from "../../../spec/vtd/register_map.js";
import { FaultStatus } from "../../../spec/vtd/registers.js";
import type { UnitPorts } from "../ports.js";
import type { Posted, Submitted } from "../unit_driver.js";

/** Of either size of descriptors: a queue of one page, or of two. */
const slots = 256;
const done = 2;
/** Linux asks a device that does not answer without end; here that would be the run's end. */
const attempts = 2;
const { iqa, iqt, fsts } = vtdRegisters.registers;

export class InvalidationRing {
  readonly #ports: UnitPorts;
  readonly #at: number;
  readonly #statusAt: number;
  readonly #slotBytes: 16 | 32;
  readonly #wait = new Uint32Array(4);
  readonly #posted: Posted;
  #next = 0;

  /** @param posted told of each descriptor, waits among them */
  constructor(ports: UnitPorts, slotBytes: 16 | 32, posted: Posted = () => undefined) {
    this.#ports = ports;
    this.#posted = posted;
    this.#slotBytes = slotBytes;
    const pages = (slots * slotBytes) / frameBytes;
    this.#at = ports.allocate(pages) * frameBytes;
    this.#statusAt = ports.allocate(1) * frameBytes;
    const words = new Uint32Array(2);
    write(words, 0, InvalidationQueueAddress.frame, (this.#at / frameBytes) as never);
    write(words, 0, InvalidationQueueAddress.qs, Math.log2(pages));
    write(words, 0, InvalidationQueueAddress.dw, slotBytes === 32 ? 1 : 0);
    ports.registers.write64(iqt.offset, 0, 0);
    ports.registers.write64(iqa.offset, words[0]!, words[1]!);
  }

  /**
   * Post descriptors and a wait, tell the unit, and wait; again, when a device did not answer and the wait fell with it.
   * @param descriptors four words each; what a larger slot has beside them is zero
   */
  submit(...descriptors: readonly Uint32Array[]): Submitted {
    const { memory, registers, spin } = this.#ports;
    for (let attempt = 0; attempt < attempts; attempt++) {
      for (const words of descriptors) this.#post(words);
      const status = this.#postWait();
      registers.write64(iqt.offset, this.#next * this.#slotBytes, 0);
      const isDone = () => memory.load32(status) === done;
      while (!spin(isDone)) if (!this.#goOn()) break;
      if (isDone()) return "done";
    }
    return "unanswered";
  }

  /** @returns where its status is stored */
  #postWait(): number {
    const status = this.#statusAt + this.#next * 4;
    this.#ports.memory.store32(status, 0);
    const w = this.#wait.fill(0);
    write(w, 0, InvalidationWait.type, DescriptorType.wait);
    write(w, 0, InvalidationWait.sw, 1);
    write(w, 0, InvalidationWait.fn, 1);
    write(w, 0, InvalidationWait.data, done);
    write(w, 0, InvalidationWait.at, status);
    this.#post(w);
    return status;
  }

  /** A device that did not answer stopped the queue: let it go on. @returns false where that is not why */
  #goOn(): boolean {
    const { registers } = this.#ports;
    if (read([registers.read32(fsts.offset)], 0, FaultStatus.ite) === 0) return false;
    const words = new Uint32Array(1);
    write(words, 0, FaultStatus.ite, 1);
    registers.write32(fsts.offset, words[0]!);
    return true;
  }

  #post(words: Uint32Array): void {
    this.#ports.memory.store(this.#at + this.#next * this.#slotBytes, words);
    this.#next = (this.#next + 1) % slots;
    this.#posted(words);
  }
}
