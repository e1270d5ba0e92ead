/**
 * Software's side of the invalidation queue of a VT-d unit: descriptors with a wait behind them, each wait with a status
 * word of its own.
 *
 * Source: Linux drivers/iommu/intel/dmar.c, qi_submit_sync: the wait stores its status into the word of its own slot, so
 * that no two submissions share one.
 */
import { frameBytes } from "../../../base/frame.js";
import { write } from "../../../bits/field.js";
import { DescriptorType, InvalidationWait } from "../../../spec/vtd/descriptors.js";
import { InvalidationQueueAddress } from "../../../spec/vtd/queue_registers.js";
import { vtdRegisters } from "../../../spec/vtd/register_map.js";
import type { UnitPorts } from "../ports.js";

const slots = 256;
const bytesOf = frameBytes / slots;
const done = 2;
const { iqa, iqt } = vtdRegisters.registers;

/** What became of a submission. */
export type Submitted =
  /** The unit answered its wait. */
  | "done"
  /** It never will: a device did not answer, or the queue stopped. */
  | "unanswered";

/** Who wants to know of the descriptors that are posted. */
export type Posted = (descriptor: Uint32Array) => void;

export class InvalidationRing {
  readonly #ports: UnitPorts;
  readonly #at: number;
  readonly #statusAt: number;
  readonly #wait = new Uint32Array(4);
  readonly #posted: Posted;
  #next = 0;

  /** @param posted told of each descriptor, waits among them */
  constructor(ports: UnitPorts, posted: Posted = () => undefined) {
    this.#ports = ports;
    this.#posted = posted;
    this.#at = ports.allocate(1) * frameBytes;
    this.#statusAt = ports.allocate(1) * frameBytes;
    const words = new Uint32Array(2);
    write(words, 0, InvalidationQueueAddress.frame, (this.#at / frameBytes) as never);
    ports.registers.write64(iqt.offset, 0, 0);
    ports.registers.write64(iqa.offset, words[0]!, words[1]!);
  }

  /** Post descriptors and a wait, tell the unit, and wait. @param descriptors four words each */
  submit(...descriptors: readonly Uint32Array[]): Submitted {
    const { memory, registers, spin } = this.#ports;
    for (const words of descriptors) this.#post(words);
    const status = this.#statusAt + this.#next * 4;
    memory.store32(status, 0);
    const w = this.#wait.fill(0);
    write(w, 0, InvalidationWait.type, DescriptorType.wait);
    write(w, 0, InvalidationWait.sw, 1);
    write(w, 0, InvalidationWait.fn, 1);
    write(w, 0, InvalidationWait.data, done);
    write(w, 0, InvalidationWait.at, status);
    this.#post(w);
    registers.write64(iqt.offset, this.#next * bytesOf, 0);
    return spin(() => memory.load32(status) === done) ? "done" : "unanswered";
  }

  #post(words: Uint32Array): void {
    this.#ports.memory.store(this.#at + this.#next * bytesOf, words);
    this.#next = (this.#next + 1) % slots;
    this.#posted(words);
  }
}
