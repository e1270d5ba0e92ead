/**
 * Operations carried out on a model of the pool, and undone: the steps of which an order is made.
 */
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { Pool } from "../../../sw/swiotlb/index.js";
import type { Alignments } from "../contracts/alignments.js";
import { type Operation, Outcome } from "../contracts/operation.js";
import type { PoolAddresses } from "../contracts/pool_addresses.js";
import { type Refusal, refusalOf } from "../contracts/refusal.js";
import type { Carried } from "../contracts/sinks.js";

export interface Step extends Carried {
  readonly area: number;
  readonly areaIndex: number;
  readonly hiwater: number;
  /** Entries of a refused list given back with this step. */
  readonly released: readonly Operation[];
  readonly group: Operation[] | undefined;
  /** Other operations that could have come here instead, best first. */
  readonly others: readonly Operation[];
  reordered: boolean;
}

/** PoolAddresses of unknown holders learnt from one mapping. */
const doubtsMax = 512;
/** Shared, so that a step without alternatives allocates none. */
export const none: readonly Operation[] = [];

export class PoolModel {
  readonly #pool: Pool;
  readonly #alignments: Alignments;
  readonly #addresses: PoolAddresses;
  /** Granted entries of lists that turn out refused, by task. */
  readonly #groups = new Map<number, Operation[]>();
  /** Operation that holds each allocation on the model, by its first slot. */
  readonly #holders = new Map<number, Operation>();
  /** Slots of which nothing is known yet; null when the recording begins with an empty pool. */
  readonly #unseen: Uint8Array | null;
  /** First slot of the last place that the model chose and the kernel did not, and how often that was in a row. */
  #doubted = -1;
  #doubts = 0;
  /** Times that the model was set to the kernel's state. */
  corrections = 0;

  /**
   * @param o.addresses where the pool's bytes are on the bus
   * @param o.unseen true when the pool was in use before the recording began, by mappings that are not known.
   */
  constructor(o: {
    readonly pool: Pool;
    readonly alignments: Alignments;
    readonly addresses: PoolAddresses;
    readonly unseen: boolean;
  }) {
    this.#pool = o.pool;
    this.#alignments = o.alignments;
    this.#addresses = o.addresses;
    this.#unseen = o.unseen ? new Uint8Array(o.pool.slots).fill(1) : null;
  }

  /**
   * Carry an operation out on the model.
   * @returns null when the model does not do what the kernel did, unless `force` sets it so.
   */
  carryOut(op: Operation, others: readonly Operation[], force: boolean): Step | null {
    if (op.unmap) return this.#unmap(op, others);
    const inside = op.address >= 0 ? this.#addresses.offsetOf(op.address) : Number.NaN;
    if (inside >= 0) op.bounced = true;
    if (!op.bounced) return this.#step0(op, Number.NaN, Number.NaN, others);
    const kernel = op.address >= 0 ? inside : Outcome.refused;
    if (op.address >= 0 && Number.isNaN(kernel)) return this.#step0(op, Number.NaN, Number.NaN, others);
    const model = this.#findWhere(op, kernel);
    switch (op.address) {
      case Outcome.unknown:
        return this.#step0(op, model, Number.NaN, others);
      case Outcome.granted:
        return model < 0 ? (force ? this.#step0(op, model, Number.NaN, others) : null) : this.#map(op, model, others);
      case Outcome.refusedList:
        return this.#mapOfRefusedList(op, model, others, force);
      case Outcome.refused:
        if (model >= 0 && this.#addresses.addressOf(model) + op.size - 1 > op.mask) {
          return { ...this.#step0(op, model, kernel, others), refusal: { reason: "mask", slots: 0 } };
        }
        if (model >= 0 && !force) return null;
        if (model >= 0) this.#refusedRoom(op);
        return { ...this.#step0(op, model, kernel, others), agrees: model < 0, refusal: this.#refusal(op, model) };
      default:
        if (model === kernel) return this.#map(op, model, others);
        return force ? this.#correct(op, model, kernel) : null;
    }
  }

  /** An allocation from before the recording lies on the pool already: it is this operation's. */
  hold(op: Operation, offset: number): void {
    op.offset = offset;
    this.#holders.set(this.#pool.headAt(offset), op);
  }

  /** A task that moved between its events searched on one of the two CPUs: which, the kernel's choice shows. */
  #findWhere(op: Operation, kernel: number): number {
    const model = this.#find(op);
    if (op.cpuAfter === op.cpu || !(kernel >= 0) || model === kernel) return model;
    const moved = this.#find(op, op.cpuAfter);
    return moved === kernel ? moved : model;
  }

  #find(op: Operation, cpu = op.cpu): number {
    const a = this.#alignments,
      d = op.device;
    const high = Math.floor(op.orig / 2 ** 32),
      low = op.orig >>> 0;
    return this.#pool.find(
      cpu,
      high,
      low,
      op.size,
      a.minAlignMask(d, op.lo),
      a.allocAlignMask(d),
      a.boundarySlots(d, op.lo),
    );
  }

  #refusal(op: Operation, model: number): Refusal | null {
    return model >= 0 ? null : refusalOf(this.#pool, op, this.#alignments);
  }

  #map(op: Operation, model: number, others: readonly Operation[]): Step {
    const pool = this.#pool;
    const area = Math.floor(model / slotBytes / pool.areaSlots);
    const step = this.#step0(op, model, model, others, area);
    this.#place(op, model);
    return step;
  }

  #place(op: Operation, offset: number): boolean {
    const a = this.#alignments,
      d = op.device;
    const high = Math.floor(op.orig / 2 ** 32),
      low = op.orig >>> 0;
    if (!this.#pool.place(offset, high, low, op.size, a.minAlignMask(d, op.lo), a.allocAlignMask(d))) return false;
    op.offset = offset;
    this.#holders.set(this.#pool.headAt(offset), op);
    return true;
  }

  #unplace(op: Operation): void {
    if (op.offset < 0) return;
    this.#holders.delete(this.#pool.headAt(op.offset));
    this.#pool.unmap(op.offset, this.#alignments.minAlignMask(op.device, op.lo));
    op.offset = -1;
  }

  #unmap(op: Operation, others: readonly Operation[]): Step {
    const of = op.of!;
    const offset = of.offset;
    if (offset === -1 && this.#unseen !== null) this.#strangerEnds(of);
    const step = this.#step0(op, offset, offset, others);
    this.#unplace(of);
    op.offset = offset;
    return step;
  }

  /** Entries are granted until one is not; then the kernel gives back the others. */
  #mapOfRefusedList(op: Operation, model: number, others: readonly Operation[], force: boolean): Step | null {
    const group = this.#groups.get(op.task);
    if (model >= 0 && !op.listEnd) {
      const step = this.#map(op, model, others);
      this.#groups.set(op.task, group === undefined ? [op] : [...group, op]);
      return { ...step, group };
    }
    const misses = op.listEnd ? model >= 0 : op.retried;
    if (misses && !force) return null;
    if (misses) this.corrections++;
    // The kernel had room for it, and refused a later entry.
    if (misses && !op.listEnd) return { ...this.#step0(op, model, Number.NaN, others), agrees: false };
    const released = (group ?? []).filter((g) => g.offset >= 0);
    const refusal = this.#refusal(op, model);
    const step = { ...this.#step0(op, model, Outcome.refused, others), agrees: model < 0, refusal, released, group };
    this.#groups.delete(op.task);
    for (const g of released) {
      const offset = g.offset;
      this.#unplace(g);
      // Kept so that an undo can put it back.
      g.offset = -2 - offset;
    }
    return step;
  }

  /** Set the model to what the kernel did. */
  #correct(op: Operation, model: number, kernel: number): Step {
    this.corrections++;
    if (model >= 0) this.#doubt(op, model, kernel);
    const slots = Math.ceil((op.size + (op.address % slotBytes)) / slotBytes);
    const first = Math.floor(kernel / slotBytes);
    for (let slot = first; slot < first + slots; slot++) {
      const head = this.#pool.ownerHead(slot);
      if (head < 0) continue;
      const holder = this.#holders.get(head);
      if (holder !== undefined) this.#unplace(holder);
      else this.#pool.unmap(head * slotBytes, 0);
    }
    const step = { ...this.#step0(op, model, kernel, none), agrees: false };
    this.#place(op, kernel);
    return step;
  }

  /**
   * The kernel passed over slots that are free on the model. Once may be an order that was not found; where it happens
   * again and again, or where nothing was known of the slots, somebody holds them whom the recording does not show.
   */
  #doubt(op: Operation, model: number, kernel: number): void {
    const first = Math.floor(model / slotBytes);
    this.#doubts = this.#doubted === first ? this.#doubts + 1 : 0;
    this.#doubted = first;
    const again = this.#doubts >= 2;
    for (let n = 0; n < doubtsMax; n++) {
      const found = this.#find(op);
      const slot = Math.floor(found / slotBytes);
      if (found < 0 || found === kernel) return;
      if (!(again && n === 0) && (this.#unseen === null || this.#unseen[slot] === 0)) return;
      if (!this.#pool.place(slot * slotBytes, 0, 0, op.size, 0, 0)) return;
      this.#unseen?.fill(0, slot, slot + Math.ceil(op.size / slotBytes));
    }
  }

  /** A mapping from before the recording ended: what was taken to be held there is free. */
  #strangerEnds(of: Operation): void {
    const inside = of.address >= 0 ? this.#addresses.offsetOf(of.address) : Number.NaN;
    if (Number.isNaN(inside)) return;
    const first = Math.floor(inside / slotBytes);
    const end = first + Math.ceil((of.size + (inside % slotBytes)) / slotBytes);
    this.#unseen!.fill(0, first, end);
    for (let slot = first; slot < end; slot++) {
      const head = this.#pool.ownerHead(slot);
      if (head >= 0 && !this.#holders.has(head)) this.#pool.unmap(head * slotBytes, 0);
    }
  }

  /** The kernel had no room where the model has: what nothing is known of is held by somebody not shown. */
  #refusedRoom(op: Operation): void {
    this.corrections++;
    for (let n = 0; this.#unseen !== null && n < doubtsMax; n++) {
      const slot = Math.floor(this.#find(op) / slotBytes);
      if (slot < 0 || this.#unseen[slot] === 0) return;
      if (!this.#pool.place(slot * slotBytes, 0, 0, op.size, 0, 0)) return;
      this.#unseen.fill(0, slot, slot + Math.ceil(op.size / slotBytes));
    }
  }

  #step0(op: Operation, model: number, kernel: number, others: readonly Operation[], area = -1): Step {
    return {
      op,
      model,
      kernel,
      agrees: true,
      refusal: null,
      area,
      areaIndex: area < 0 ? 0 : this.#pool.areaIndex(area),
      hiwater: this.#pool.hiwater,
      released: none,
      group: undefined,
      others,
      reordered: false,
    };
  }

  /** Set the pool back to what it was before a step, the last one that was carried out. */
  undo(step: Step): void {
    const { op } = step;
    if (op.unmap) {
      if (op.offset >= 0) this.#restore(op.of!, op.offset);
      op.offset = -1;
    } else if (op.offset >= 0) {
      this.#unplace(op);
      if (step.area >= 0) this.#pool.setAreaIndex(step.area, step.areaIndex);
    }
    for (const g of step.released) this.#restore(g, -2 - g.offset);
    if (op.address === Outcome.refusedList) {
      if (step.group === undefined) this.#groups.delete(op.task);
      else this.#groups.set(op.task, step.group);
    }
    this.#pool.hiwater = step.hiwater;
  }

  #restore(of: Operation, offset: number): void {
    const area = Math.floor(offset / slotBytes / this.#pool.areaSlots);
    const index = this.#pool.areaIndex(area);
    this.#place(of, offset);
    this.#pool.setAreaIndex(area, index);
  }

  /** A step is final: its slots are known from now on. */
  settle(step: Step): void {
    if (this.#unseen === null || !(step.kernel >= 0)) return;
    const slots = Math.ceil((step.op.size + (step.op.address % slotBytes)) / slotBytes);
    const first = Math.floor(step.kernel / slotBytes);
    this.#unseen.fill(0, first, first + slots);
  }
}
