/**
 * Operations carried out on a model of the pool, and undone: the steps of which an order is made.
 */
import { u64High, u64Low } from "../../../base/u64.js";
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { Pool } from "../../../sw/swiotlb/index.js";
import type { Alignments } from "../contracts/alignments.js";
import type { Mappings } from "../contracts/mappings.js";
import { isEnd, mappingOf, none, Outcome } from "../contracts/operation.js";
import type { PoolAddresses } from "../contracts/pool_addresses.js";
import { refusalOf } from "../contracts/refusal.js";
import { Choice } from "../contracts/sinks.js";
import type { Step } from "./step.js";
import { UnseenHolders } from "./unseen_holders.js";

export interface ModelOptions {
  readonly maps: Mappings;
  readonly pool: Pool;
  readonly alignments: Alignments;
  /** Where the pool's bytes are on the bus. */
  readonly addresses: PoolAddresses;
  /** True when the pool was in use before the recording began, by mappings that are not known. */
  readonly unseen: boolean;
}

export class PoolModel {
  readonly #maps: Mappings;
  readonly #pool: Pool;
  readonly #alignments: Alignments;
  readonly #addresses: PoolAddresses;
  /** Granted entries of lists that turn out refused, by task. */
  readonly #groups = new Map<number, number[]>();
  /** Mapping that holds each allocation on the model, by its first slot. */
  readonly #holders: Int32Array;
  readonly #unseen: UnseenHolders;
  /** Times that the model was set to the kernel's state. */
  corrections = 0;

  constructor(o: ModelOptions) {
    this.#maps = o.maps;
    this.#pool = o.pool;
    this.#alignments = o.alignments;
    this.#addresses = o.addresses;
    this.#holders = new Int32Array(o.pool.slots).fill(none);
    this.#unseen = new UnseenHolders(o.pool, o.unseen);
    o.pool.machine.begin();
  }

  /**
   * Carry an operation out on the model.
   * @param force set the model to what the kernel did, whatever it does by itself
   * @returns false, and nothing has changed, when the model does not do what the kernel did.
   */
  carryOut(op: number, step: Step, force: boolean): boolean {
    step.begin(op, this.#pool.machine.mark(), this.#pool.hiwater);
    const m = mappingOf(op);
    if (isEnd(op)) return this.#end(m, step);
    const { outcome, address, bounced } = this.#maps;
    const isGranted = outcome[m] === Outcome.granted;
    const inside = isGranted ? this.#addresses.offsetOf(address[m]!) : Choice.refused;
    if (inside >= 0) bounced[m] = 1;
    if (bounced[m] === 0 || Number.isNaN(inside)) return true;
    const model = this.#findWhere(m, inside);
    step.model = model;
    switch (outcome[m]) {
      case Outcome.granted:
        if (model === inside) this.#take(m, step);
        else if (force) this.#correct(m, step, inside);
        else return false;
        return true;
      case Outcome.beyond:
        if (model >= 0) this.#take(m, step);
        return model >= 0 || force;
      case Outcome.refusedList:
        return this.#refusedList(m, step, force);
      case Outcome.refused:
        return this.#refused(m, step, force);
      default:
        return true;
    }
  }

  /** An allocation from before the recording lies on the pool already: it is this mapping's. */
  hold(m: number, offset: number): void {
    this.#holds(m, offset);
  }

  /** Set the pool back to what it was before a step, the last one that was carried out. */
  undo(step: Step): void {
    const m = mappingOf(step.op);
    const { offset, outcome, task } = this.#maps;
    const lies = offset[m]!;
    if (!isEnd(step.op) && lies >= 0) {
      this.#holders[this.#pool.headAt(lies)] = none;
      this.#gone(m);
      if (outcome[m] === Outcome.refusedList) this.#leaveGroup(m);
    }
    this.#pool.machine.undoTo(step.mark);
    this.#pool.hiwater = step.hiwater;
    if (isEnd(step.op) && step.model >= 0) this.#holds(m, step.model);
    if (step.closed === null) return;
    this.#groups.set(task[m]!, step.closed);
    step.closed.forEach((entry, k) => {
      const at = step.closedOffsets![k]!;
      if (at >= 0) this.#holds(entry, at);
    });
  }

  /** A step is final: its slots are known from now on, and a refused list's entries are nobody's. */
  settle(step: Step): void {
    this.#pool.machine.settle(step.mark);
    if (step.kernel >= 0) this.#unseen.known(step.kernel, this.#maps.size[mappingOf(step.op)]!);
    for (const entry of step.closed ?? []) this.#maps.drop(entry);
  }

  /** A task that moved between its events searched on one of the two CPUs: which, the kernel's choice shows. */
  #findWhere(m: number, kernel: number): number {
    const { cpu, cpuAfter } = this.#maps;
    const model = this.#find(m, cpu[m]!);
    if (cpuAfter[m] === cpu[m] || !(kernel >= 0) || model === kernel) return model;
    return this.#find(m, cpuAfter[m]!) === kernel ? kernel : model;
  }

  #find(m: number, cpu: number): number {
    const { device, time, orig, size } = this.#maps;
    const a = this.#alignments,
      d = device[m]!,
      phys = orig[m]!;
    return this.#pool.find(
      cpu,
      u64High(phys),
      u64Low(phys),
      size[m]!,
      a.minAlignMask(d, time[m]!),
      a.allocAlignMask(d),
      a.boundarySlots(d, time[m]!),
    );
  }

  /** The mapping takes what the last search found. */
  #take(m: number, step: Step): void {
    step.kernel = step.model;
    this.#pool.takeFound();
    this.#holds(m, step.model);
  }

  #place(m: number, offset: number): void {
    const { device, time, orig, size } = this.#maps;
    const a = this.#alignments,
      d = device[m]!,
      phys = orig[m]!;
    const high = u64High(phys);
    const mam = a.minAlignMask(d, time[m]!);
    if (this.#pool.place(offset, high, u64Low(phys), size[m]!, mam, a.allocAlignMask(d))) this.#holds(m, offset);
  }

  #holds(m: number, offset: number): void {
    this.#maps.offset[m] = offset;
    this.#maps.keep(m);
    this.#holders[this.#pool.headAt(offset)] = m;
  }

  #unplace(m: number): void {
    const { offset, device, time } = this.#maps;
    const at = offset[m]!;
    if (at < 0) return;
    this.#holders[this.#pool.headAt(at)] = none;
    this.#pool.unmap(at, this.#alignments.minAlignMask(device[m]!, time[m]!));
    this.#gone(m);
  }

  #gone(m: number): void {
    this.#maps.offset[m] = none;
    this.#maps.drop(m);
  }

  #end(m: number, step: Step): boolean {
    const offset = this.#maps.offset[m]!;
    if (offset < 0) this.#strangerEnds(m);
    step.model = offset;
    step.kernel = offset;
    this.#unplace(m);
    return true;
  }

  /** Entries are granted until one is not; then the kernel gives back the others. */
  #refusedList(m: number, step: Step, force: boolean): boolean {
    const { listEnd, retried, task } = this.#maps;
    const hasRoom = step.model >= 0;
    if (hasRoom && listEnd[m] === 0) {
      this.#take(m, step);
      this.#joinGroup(m);
      return true;
    }
    const misses = listEnd[m] === 1 ? hasRoom : retried[m] === 1;
    if (misses && !force) return false;
    if (misses) this.corrections++;
    step.agrees = !hasRoom;
    if (misses && listEnd[m] === 0) {
      // The kernel had room for it, and refused a later entry.
      step.agrees = false;
      return true;
    }
    step.kernel = Choice.refused;
    this.#saysWhy(m, step);
    this.#closeGroup(task[m]!, step);
    return true;
  }

  #refused(m: number, step: Step, force: boolean): boolean {
    const { size, mask } = this.#maps;
    step.kernel = Choice.refused;
    if (step.model < 0) {
      this.#saysWhy(m, step);
      return true;
    }
    if (this.#addresses.addressOf(step.model) + size[m]! - 1 > mask[m]!) {
      step.refusal = { reason: "mask", slots: 0 };
      return true;
    }
    if (!force) return false;
    this.corrections++;
    // What nothing is known of is held by somebody not shown.
    this.#unseen.fill(() => this.#find(m, this.#maps.cpu[m]!), size[m]!);
    step.agrees = false;
    return true;
  }

  #saysWhy(m: number, step: Step): void {
    if (step.model < 0) step.refusal = refusalOf(this.#pool, this.#maps, m, this.#alignments);
  }

  #joinGroup(m: number): void {
    const task = this.#maps.task[m]!;
    const group = this.#groups.get(task);
    if (group === undefined) this.#groups.set(task, [m]);
    else group.push(m);
    this.#maps.keep(m);
  }

  #leaveGroup(m: number): void {
    const task = this.#maps.task[m]!;
    const group = this.#groups.get(task)!;
    group.pop();
    if (group.length === 0) this.#groups.delete(task);
    this.#maps.drop(m);
  }

  #closeGroup(task: number, step: Step): void {
    const group = this.#groups.get(task);
    if (group === undefined) return;
    this.#groups.delete(task);
    step.closed = group;
    step.closedOffsets = group.map((entry) => this.#maps.offset[entry]!);
    for (const entry of group) this.#unplace(entry);
  }

  /** Set the model to what the kernel did. */
  #correct(m: number, step: Step, kernel: number): void {
    const { size, address, cpu } = this.#maps;
    this.corrections++;
    if (step.model >= 0) this.#unseen.doubt(() => this.#find(m, cpu[m]!), size[m]!, step.model, kernel);
    const slots = Math.ceil((size[m]! + (address[m]! % slotBytes)) / slotBytes);
    const first = Math.floor(kernel / slotBytes);
    for (let slot = first; slot < first + slots; slot++) this.#free(slot);
    step.kernel = kernel;
    step.agrees = false;
    step.hiwater = this.#pool.hiwater;
    this.#place(m, kernel);
  }

  /** Whoever holds a slot holds it no longer. */
  #free(slot: number): void {
    const head = this.#pool.ownerHead(slot);
    if (head < 0) return;
    if (this.#holders[head] !== none) this.#unplace(this.#holders[head]!);
    else this.#pool.unmap(head * slotBytes, 0);
  }

  /** A mapping from before the recording ended: what was taken to be held there is free. */
  #strangerEnds(m: number): void {
    if (!this.#unseen.any) return;
    const { outcome, address, size } = this.#maps;
    const inside = outcome[m] === Outcome.granted ? this.#addresses.offsetOf(address[m]!) : Number.NaN;
    if (Number.isNaN(inside)) return;
    this.#unseen.known(inside, size[m]!);
    const first = Math.floor(inside / slotBytes);
    const end = first + Math.ceil((size[m]! + (inside % slotBytes)) / slotBytes);
    for (let slot = first; slot < end; slot++) {
      const head = this.#pool.ownerHead(slot);
      if (head >= 0 && this.#holders[head] === none) this.#pool.unmap(head * slotBytes, 0);
    }
  }
}
