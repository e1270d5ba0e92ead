/**
 * Mappings that are alive, as the events of their ends name them: single ones by bus address, lists by their buffers,
 * and those of before the recording by either.
 */
import { slotBytes } from "../../../spec/swiotlb/sizes.js";
import { longer } from "../contracts/columns.js";
import type { Mappings } from "../contracts/mappings.js";
import { none } from "../contracts/operation.js";
import { hashOf, Queues } from "./queues.js";

const slotOf = (address: number): number => address - (address % slotBytes);

export class LiveMappings {
  readonly #maps: Mappings;
  /** By device and bus address; several may share one. */
  readonly #singles = new Queues();
  /** First entries of lists, by device and the first buffer that their event named. */
  readonly #lists = new Queues();
  /** Of an entry of a list: the next one, and the buffer that the list's event named. Of a first one: how many. */
  #next = new Int32Array(1024);
  #named = new Float64Array(1024);
  #entries = new Int32Array(1024);
  /** Mappings from before the recording, by the bus address of the slot they begin in, and by their buffer's. */
  readonly #heldBySlot = new Map<number, number>();
  readonly #heldByBuffer = new Map<number, number>();

  constructor(maps: Mappings) {
    this.#maps = maps;
  }

  /** A single mapping, whose address is known. */
  add(m: number): void {
    this.#singles.add(m, hashOf(this.#maps.device[m]!, this.#maps.address[m]!));
  }

  /** @param entries of one list, at least one; @param phys the buffers that its event named, as many */
  addList(entries: Int32Array, phys: Float64Array, physFirst: number, count: number): void {
    const first = entries[0]!;
    for (let k = 0; k < count; k++) {
      const m = entries[k]!;
      if (m >= this.#next.length) this.#makeRoom(m);
      this.#named[m] = phys[physFirst + k]!;
      this.#next[m] = k + 1 < count ? entries[k + 1]! : none;
    }
    this.#entries[first] = count;
    this.#lists.add(first, hashOf(this.#maps.device[first]!, this.#named[first]!));
  }

  /** A mapping of before the recording is known; its bus address is set. */
  hold(m: number): void {
    const { address, orig } = this.#maps;
    this.#heldBySlot.set(slotOf(address[m]!), m);
    if (!Number.isNaN(orig[m]!)) this.#heldByBuffer.set(orig[m]!, m);
  }

  /** The oldest of this device at an address: without an IOMMU several may share one. @returns none for none. */
  take(address: number, device: number): number {
    const maps = this.#maps,
      singles = this.#singles;
    const last = singles.last(hashOf(device, address));
    for (let before = last; before !== none; ) {
      const m = singles.after(before);
      if (maps.address[m] === address && maps.device[m] === device) {
        singles.removeAfter(before);
        return m;
      }
      before = m === last ? none : m;
    }
    if (this.#heldBySlot.size === 0) return none;
    const held = this.#heldBySlot.get(slotOf(address));
    if (held === undefined) return none;
    this.#letGo(held);
    return held;
  }

  /** First entry of the oldest list that begins with these buffers; `next` goes on. @returns none for none. */
  takeList(device: number, phys: Float64Array, first: number, count: number): number {
    const lists = this.#lists,
      wanted = phys[first]!;
    const last = lists.last(hashOf(device, wanted));
    for (let before = last; before !== none; ) {
      const m = lists.after(before);
      if (this.#named[m] === wanted && this.#maps.device[m] === device && this.#beginsAlike(m, phys, first, count)) {
        lists.removeAfter(before);
        return m;
      }
      before = m === last ? none : m;
    }
    return none;
  }

  next(entry: number): number {
    return this.#next[entry]!;
  }

  /** Of a list from before the recording, the entries that are known, by their buffers. */
  takeHeld(phys: Float64Array, first: number, count: number): readonly number[] {
    const found: number[] = [];
    for (let k = 0; k < count && this.#heldByBuffer.size > 0; k++) {
      const held = this.#heldByBuffer.get(phys[first + k]!);
      if (held === undefined) continue;
      this.#letGo(held);
      found.push(held);
    }
    return found;
  }

  *[Symbol.iterator](): Iterator<number> {
    yield* this.#heldBySlot.values();
    yield* this.#singles;
    for (const first of this.#lists) for (let m = first; m !== none; m = this.#next[m]!) yield m;
  }

  /** Whether a list has these buffers, as far as both are known: an event may name only the first ones. */
  #beginsAlike(list: number, phys: Float64Array, first: number, count: number): boolean {
    const n = Math.min(this.#entries[list]!, count);
    for (let k = 0, m = list; k < n; k++, m = this.#next[m]!) if (this.#named[m] !== phys[first + k]) return false;
    return true;
  }

  #letGo(held: number): void {
    this.#heldBySlot.delete(slotOf(this.#maps.address[held]!));
    this.#heldByBuffer.delete(this.#maps.orig[held]!);
  }

  #makeRoom(m: number): void {
    const length = 2 * Math.max(m, this.#next.length);
    this.#next = longer(this.#next, length);
    this.#named = longer(this.#named, length);
    this.#entries = longer(this.#entries, length);
  }
}
