/**
 * Mappings that are alive, as the events of their ends name them: single ones by bus address, lists by their buffers,
 * and those of before the recording by either.
 */
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import type { Operation } from "../contracts/operation.js";

interface List {
  readonly device: number;
  readonly phys: Float64Array;
  readonly ops: Operation[];
}

const slotOf = (address: number): number => address - (address % slotBytes);

export class LiveMappings {
  /** By bus address; several may share one. */
  readonly #singles = new Map<number, Operation[]>();
  /** By their first physical address, oldest first. */
  readonly #lists = new Map<number, List[]>();
  /** Mappings from before the recording, by the bus address of the slot they begin in, and by their buffer's. */
  readonly #heldBySlot = new Map<number, Operation>();
  readonly #heldByBuffer = new Map<number, Operation>();

  add(address: number, op: Operation): void {
    const same = this.#singles.get(address);
    if (same === undefined) this.#singles.set(address, [op]);
    else same.push(op);
  }

  addList(device: number, phys: Float64Array, ops: Operation[]): void {
    const same = this.#lists.get(phys[0]!);
    if (same === undefined) this.#lists.set(phys[0]!, [{ device, phys, ops }]);
    else same.push({ device, phys, ops });
  }

  /** A mapping of before the recording is known; its bus address is set. */
  hold(op: Operation): void {
    this.#heldBySlot.set(slotOf(op.address), op);
    if (!Number.isNaN(op.orig)) this.#heldByBuffer.set(op.orig, op);
  }

  /** The oldest of this device at an address: without an IOMMU several may share one. @returns null for none. */
  take(address: number, device: number): Operation | null {
    const same = this.#singles.get(address);
    let k = 0;
    while (same !== undefined && k < same.length && same[k]!.device !== device) k++;
    if (same === undefined || k === same.length) {
      const held = this.#heldBySlot.get(slotOf(address));
      if (held !== undefined) this.#letGo(held);
      return held ?? null;
    }
    const op = same[k]!;
    if (same.length === 1) this.#singles.delete(address);
    else same.splice(k, 1);
    return op;
  }

  /** The list that begins with these buffers; of one from before the recording, the entries that are known. */
  takeList(device: number, phys: Float64Array, first: number, count: number): readonly Operation[] {
    const key = phys[first]!;
    const lists = this.#lists.get(key);
    const k = lists?.findIndex((l) => l.device === device && beginsAlike(l.phys, phys, first, count)) ?? -1;
    if (lists === undefined || k < 0) return this.#takeHeld(phys, first, count);
    const list = lists[k]!;
    if (lists.length === 1) this.#lists.delete(key);
    else lists.splice(k, 1);
    return list.ops;
  }

  *[Symbol.iterator](): Iterator<Operation> {
    yield* this.#heldBySlot.values();
    for (const ops of this.#singles.values()) yield* ops;
    for (const lists of this.#lists.values()) for (const l of lists) yield* l.ops;
  }

  #takeHeld(phys: Float64Array, first: number, count: number): readonly Operation[] {
    if (this.#heldByBuffer.size === 0) return [];
    const found: Operation[] = [];
    for (let k = 0; k < count; k++) {
      const held = this.#heldByBuffer.get(phys[first + k]!);
      if (held === undefined) continue;
      this.#letGo(held);
      found.push(held);
    }
    return found;
  }

  #letGo(held: Operation): void {
    this.#heldBySlot.delete(slotOf(held.address));
    this.#heldByBuffer.delete(held.orig);
  }
}

/** Whether two lists have the same buffers, as far as both are known: an event may name only the first ones. */
export function beginsAlike(list: Float64Array, other: Float64Array, first: number, count: number): boolean {
  const n = Math.min(list.length, count);
  for (let k = 0; k < n; k++) if (list[k] !== other[first + k]) return false;
  return true;
}
