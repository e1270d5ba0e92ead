/**
 * Software's side of a VT-d unit's invalidation queue, all of it declared: what is posted, and where its status comes. Each
 * wait has a status word of its own slot, unless who waits has a word for all of his.
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
import type { Posted } from "../unit_driver.js";

const { iqh, iqt, fsts, ics, iectl, iedata, ieaddr } = vtdRegisters.registers;
const unanswered = 2 ** FaultStatus.ite.lsb;
/** Of either size of descriptors: a queue of one page, or of two. */
export const slotCount = 256;
const wordBytes = 4;
/** What a wait stores. Source: Linux QI_DONE; Xen's is 1. */
export const done = 2;

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
  readonly #slotBytes: number;
  readonly #posted: Posted;

  constructor(o: {
    readonly state: MachineState;
    readonly memory: StructureMemory;
    readonly registers: WideRegisters;
    /** Where the queue begins, and a page of status words: one for each slot, then one for each processor. */
    readonly queueAt: number;
    readonly statusAt: number;
    /** Default 16: units in scalable mode take larger ones. */
    readonly slotBytes?: 16 | 32;
    /** Told of each descriptor, waits among them. */
    readonly posted?: Posted;
  }) {
    this.#s = o.state.place(RingState);
    this.#memory = o.memory;
    this.#registers = o.registers;
    this.#queueAt = o.queueAt;
    this.#statusAt = o.statusAt;
    this.#slotBytes = o.slotBytes ?? 16;
    this.#posted = o.posted ?? (() => undefined);
  }

  /** The word of a processor: of whatever it waits for. */
  wordOf(processor: number): number {
    return this.#statusAt + (slotCount + processor) * wordBytes;
  }

  /**
   * Post descriptors and a wait behind them, and ring.
   * @param o.statusAt null: the word of the wait's own slot @param o.tells an interrupt tells of it, besides the status
   * @param o.fences what is posted behind it is not begun before it is done
   */
  submit(
    descriptors: readonly Uint32Array[],
    o: { readonly statusAt: number | null; readonly tells: boolean; readonly fences?: boolean },
  ): Submitted {
    for (const words of descriptors) this.#post(words);
    this.#s.owed = 0;
    const wait = this.#s.tail;
    const statusAt = o.statusAt ?? this.#statusAt + (wait / this.#slotBytes) * wordBytes;
    this.#memory.store32(statusAt, 0);
    const words = new Uint32Array(4);
    write(words, 0, InvalidationWait.type, DescriptorType.wait);
    write(words, 0, InvalidationWait.sw, 1);
    write(words, 0, InvalidationWait.if, o.tells ? 1 : 0);
    write(words, 0, InvalidationWait.fn, o.fences === true ? 1 : 0);
    write(words, 0, InvalidationWait.data, done);
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

  /** Descriptors that can be posted before the unit has fetched another. */
  get room(): number {
    const waiting = (this.#s.tail - this.#registers.read32(iqh.offset)) / this.#slotBytes;
    return slotCount - 1 - ((waiting + slotCount) % slotCount);
  }

  /** Has nobody posted a wait since descriptors were posted? */
  get isOwed(): boolean {
    return this.#s.owed === 1;
  }

  /** Was a wait given up by the unit? */
  isAborted({ wait, statusAt }: Submitted): boolean {
    return wait < this.#s.abortedTo && !this.isAnswered(statusAt);
  }

  /** Has the unit not come to a wait yet? @param wait its byte in the queue */
  isAhead(wait: number): boolean {
    const bytes = slotCount * this.#slotBytes;
    const head = this.#registers.read32(iqh.offset);
    const ahead = (wait - head + bytes) % bytes;
    return ahead > 0 && ahead < (this.#s.tail - head + bytes) % bytes;
  }

  isAnswered(statusAt: number): boolean {
    return this.#memory.load32(statusAt) === done;
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

  /** The interrupt of a completion is wanted. @param message what is written where; left out: as the registers stand */
  listen(message?: { readonly address: number; readonly data: number }): void {
    if (message !== undefined) {
      this.#registers.write32(iedata.offset, message.data);
      this.#registers.write32(ieaddr.offset, message.address);
    }
    this.#registers.write32(iectl.offset, 0);
  }

  /** The interrupt was seen: the next completion tells again. */
  seen(): void {
    this.#registers.write32(ics.offset, 1);
  }

  #post(words: Uint32Array): void {
    this.#memory.store(this.#queueAt + this.#s.tail, words);
    this.#s.tail = (this.#s.tail + this.#slotBytes) % (slotCount * this.#slotBytes);
    this.#posted(words);
  }
}
