/**
 * Software's side of a VT-d unit's invalidation queue, all of it declared: what is posted, and where its status comes.
 *
 * Source: VT-d 4.1, 6.5.2; Linux drivers/iommu/intel/dmar.c and Xen xen/drivers/passthrough/vtd/qinval.c.
 */
import { write } from "../../../bits/field.js";
import type { WideRegisters } from "../../../bus/registers.js";
import { DescriptorType, InvalidationWait } from "../../../spec/vtd/descriptors.js";
import { vtdRegisters } from "../../../spec/vtd/register_map.js";
import { FaultStatus } from "../../../spec/vtd/registers.js";
import { cell, type Live, type MachineState, record } from "../../../state/index.js";
import type { StructureMemory } from "../ports.js";

const { iqh, iqt, fsts, ics, iectl } = vtdRegisters.registers;
const unanswered = 2 ** FaultStatus.ite.lsb;
const descriptorBytes = 16;
const queueBytes = 4096;

const RingState = record("flush ring", {
  tail: cell("bytes from the queue's begin, where the next descriptor goes"),
  abortedTo: cell("waits before this byte that are not answered never will be"),
  owed: cell<0 | 1>("1 = descriptors were posted since the last wait"),
});

/** A submission: the byte of its wait in the queue, and the word that its status comes to. */
export interface Submitted {
  readonly wait: number;
  readonly statusAt: number;
}

export class FlushRing {
  readonly #s: Live<typeof RingState.drafts>;
  readonly #memory: StructureMemory;
  readonly #registers: WideRegisters;
  readonly #queueAt: number;
  readonly #statusAt: number;

  constructor(o: {
    readonly state: MachineState;
    readonly memory: StructureMemory;
    readonly registers: WideRegisters;
    /** A page of the queue, and one of status words: one for each slot, then one for each processor. */
    readonly queueAt: number;
    readonly statusAt: number;
  }) {
    this.#s = o.state.place(RingState);
    this.#memory = o.memory;
    this.#registers = o.registers;
    this.#queueAt = o.queueAt;
    this.#statusAt = o.statusAt;
  }

  /** The word of a processor: of whatever it waits for. */
  wordOf(processor: number): number {
    return this.#statusAt + queueBytes / 4 + processor * 4;
  }

  /**
   * Post descriptors and a wait behind them, and ring.
   * @param o.statusAt null: the word of the wait's own slot @param o.tells an interrupt tells of it, besides the status
   */
  submit(
    descriptors: readonly Uint32Array[],
    o: { readonly statusAt: number | null; readonly tells: boolean },
  ): Submitted {
    for (const words of descriptors) this.#post(words);
    this.#s.owed = 0;
    const wait = this.#s.tail;
    const statusAt = o.statusAt ?? this.#statusAt + wait / 4;
    this.#memory.store32(statusAt, 0);
    const words = new Uint32Array(4);
    write(words, 0, InvalidationWait.type, DescriptorType.wait);
    write(words, 0, InvalidationWait.sw, 1);
    write(words, 0, InvalidationWait.if, o.tells ? 1 : 0);
    write(words, 0, InvalidationWait.data, 1);
    write(words, 0, InvalidationWait.at, statusAt);
    this.#post(words);
    this.#registers.write64(iqt.offset, this.#s.tail, 0);
    return { wait, statusAt };
  }

  /** Post descriptors without a wait, and ring: somebody's wait comes behind them. */
  post(descriptors: readonly Uint32Array[]): void {
    for (const words of descriptors) this.#post(words);
    this.#s.owed = 1;
    this.#registers.write64(iqt.offset, this.#s.tail, 0);
  }

  /** Has nobody posted a wait since descriptors were posted? */
  get isOwed(): boolean {
    return this.#s.owed === 1;
  }

  /** Was a wait given up by the unit? */
  isAborted({ wait, statusAt }: Submitted): boolean {
    return wait < this.#s.abortedTo && !this.isAnswered(statusAt);
  }

  isAnswered(statusAt: number): boolean {
    return this.#memory.load32(statusAt) === 1;
  }

  /** The unit stopped, because a device did not answer in its time. */
  get isStopped(): boolean {
    return (this.#registers.read32(fsts.offset) & unanswered) !== 0;
  }

  /** Let the queue go on after it stopped: what it had fetched by then is not answered any more. */
  goOn(): void {
    this.#s.abortedTo = this.#registers.read32(iqh.offset);
    this.#registers.write32(fsts.offset, unanswered);
  }

  /** The interrupt of a completion is wanted. */
  listen(): void {
    this.#registers.write32(iectl.offset, 0);
  }

  /** The interrupt was seen: the next completion tells again. */
  seen(): void {
    this.#registers.write32(ics.offset, 1);
  }

  #post(words: Uint32Array): void {
    this.#memory.store(this.#queueAt + this.#s.tail, words);
    this.#s.tail = (this.#s.tail + descriptorBytes) % queueBytes;
  }
}
